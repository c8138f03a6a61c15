-- Writes for wrk: creates with numbers that no contact has yet, in calls of a given size.
-- Arguments: the key, the first number, rows a call, and the group. One thread only: the numbers are its own.

dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "measure.lua")

local head, group, rows

function init(args)
  first, rows, group = tonumber(args[2]), tonumber(args[3]), args[4]
  head = string.format(
    "POST /v1/contacts HTTP/1.1\r\nHost: %s:%s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
      .. "Content-Length: ",
    wrk.host, wrk.port, args[1])
end

local function contact(number)
  local n = string.format("%d", number)
  return '{"fname":"Wanjiru","mname":"","lname":"Otieno","mobile":"' .. n
    .. '","city":"Nairobi","company":"Ivy Ltd.","email":"w' .. n .. '@example.com"}'
end

function request()
  mark()
  local contacts = {}
  for row = 1, rows do
    contacts[row] = contact(first + made)
    made = made + 1
  end
  local body = '{"group":"' .. group .. '","contacts":[' .. table.concat(contacts, ",") .. "]}"
  return head .. #body .. "\r\n\r\n" .. body
end

function response(status)
  if status == 503 then
    busy = busy + 1
  end
end
