-- Reads for wrk: one GET after another over the paths that a template makes.
-- Arguments: the key, the range, the step, and the path, where {n} becomes a number of 1..range drawn at random
-- and {after} becomes (n - 1) * step.

dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "measure.lua")

local pieces = {}
local range, step

local function split(template)
  local from = 1
  for start, name, stop in template:gmatch("(){(%a+)}()") do
    pieces[#pieces + 1] = template:sub(from, start - 1)
    pieces[#pieces + 1] = { name = name }
    from = stop
  end
  pieces[#pieces + 1] = template:sub(from)
end

function init(args)
  range, step = tonumber(args[2]), tonumber(args[3])
  local head = string.format(
    " HTTP/1.1\r\nHost: %s:%s\r\nAuthorization: Bearer %s\r\n\r\n", wrk.host, wrk.port, args[1])
  split("GET " .. args[4] .. head)
  math.randomseed(20240321)
end

function request()
  mark()
  local n = math.random(range)
  local text = {}
  for at, piece in ipairs(pieces) do
    if type(piece) == "string" then
      text[at] = piece
    elseif piece.name == "n" then
      text[at] = string.format("%d", n)
    else
      text[at] = string.format("%d", (n - 1) * step)
    end
  end
  return table.concat(text)
end
