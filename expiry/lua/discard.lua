-- Removes a dead letter with its payload.
--
-- KEYS[1]  att
-- KEYS[2]  dead
-- KEYS[3]  pay
-- ARGV[1]  member
--
-- Result: 1, or 0 if there is no such dead letter. An entry of dead whose record
-- says that the work goes on is none, and is removed.
local bad = wrong(KEYS[1], 'HLEN') or wrong(KEYS[2], 'ZCARD') or wrong(KEYS[3], 'HLEN')
if bad then return bad end
if redis.call('ZREM', KEYS[2], ARGV[1]) == 0 then return 0 end
local rec = redis.call('HGET', KEYS[1], ARGV[1])
if rec and string.find(rec, '^%d+ %d+ %d+ [01] ') then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
return 1
