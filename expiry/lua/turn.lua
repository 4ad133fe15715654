-- Asks whether a sweep must be done by the caller. One that began after it was
-- wanted will do, whoever did it.
--
-- KEYS[1]  swept: when the last sweep that ended had begun, in microseconds
-- KEYS[2]  sweeping: who sweeps now
-- ARGV[1]  how long ago the sweep was wanted, in microseconds
-- ARGV[2]  the caller's name
-- ARGV[3]  how long the turn is the caller's, in milliseconds
--
-- Result: 0 it was done, 1 somebody does one, else the time in microseconds: it
-- is the caller's turn. A time in the future, and a turn that lasts longer than
-- one may, are none: the clock was set back, or somebody else wrote them. Where
-- a key holds another type, sweeps are not shared.
local now = clock()
local swept = redis.pcall('GET', KEYS[1])
swept = type(swept) == 'string' and tonumber(swept)
if swept and swept <= now and swept > now - tonumber(ARGV[1]) then return '0' end
local other = redis.pcall('GET', KEYS[2])
if type(other) == 'string' then
  local left = redis.call('PTTL', KEYS[2])
  if left >= 0 and left <= tonumber(ARGV[3]) then return '1' end
end
if type(other) ~= 'table' then redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3]) end
return int(now)
