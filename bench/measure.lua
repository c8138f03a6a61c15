-- What both scripts share: the time that the answers took, and the line that is read from wrk's output.
-- wrk's own duration counts to the end of the run, where calls in flight are lost; long calls would look slow for it.
-- A request is asked for as soon as an answer is there, so the last asking is the time of the last answer.

local ffi = require("ffi")
ffi.cdef("typedef struct { long seconds; long nanoseconds; } bench_time; int clock_gettime(int clock, bench_time *time);")
local MONOTONIC = 1
local time = ffi.new("bench_time")
local threads = {}

asked = 0
began = 0
ended = 0
busy = 0
made = 0
first = 0

function mark()
  ffi.C.clock_gettime(MONOTONIC, time)
  ended = tonumber(time.seconds) * 1000000 + tonumber(time.nanoseconds) / 1000
  asked = asked + 1
  if asked == 2 then -- wrk asks once before it connects
    began = ended
  end
end

function setup(thread)
  threads[#threads + 1] = thread
end

function done(summary, latency, requests)
  local errors = summary.errors
  local thread = threads[1]
  io.write(string.format(
    'MEASURED {"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "longest": %d, "refused": %d, "busy": %d, '
      .. '"broken": %d, "next": %d}\n',
    summary.requests, thread:get("ended") - thread:get("began"), latency:percentile(50), latency:percentile(99),
    latency.max, errors.status, thread:get("busy"), errors.connect + errors.read + errors.write + errors.timeout,
    thread:get("first") + thread:get("made")))
end
