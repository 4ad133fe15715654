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
-- is the caller's turn.
local now = clock()
local swept = tonumber(redis.call('GET', KEYS[1]) or '-1')
if swept > now - tonumber(ARGV[1]) then return '0' end
if not redis.call('SET', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3]) then return '1' end
return int(now)
