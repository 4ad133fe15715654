-- beginSweep: begins a sweep, unless another listener sweeps now or has done
-- so.
--
-- KEYS[1]  swept: when the last finished sweep began, in microseconds
-- KEYS[2]  sweeping: the name of the listener that sweeps now
-- ARGV[1]  how long ago the sweep was requested, in microseconds
-- ARGV[2]  name of the caller
-- ARGV[3]  how long the caller may sweep without a call of renewSweep, in
--          milliseconds
--
-- Result: 0 if a sweep that began after the request has finished, 1 if another
-- listener sweeps, else the time in microseconds, and the caller sweeps. A time
-- in the future and a lifetime longer than ARGV[3] are ignored: the clock was
-- set back, or another client wrote them. If a key holds another type, every
-- listener sweeps.
local now = clock()
local swept = redis.pcall('GET', KEYS[1])
swept = type(swept) == 'string' and tonumber(swept)
if swept and swept <= now and swept > now - tonumber(ARGV[1]) then return '0' end
local sweeping = redis.pcall('GET', KEYS[2])
if type(sweeping) == 'string' then
  local left = redis.call('PTTL', KEYS[2])
  if left >= 0 and left <= tonumber(ARGV[3]) then return '1' end
end
if type(sweeping) ~= 'table' then redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3]) end
return int(now)
