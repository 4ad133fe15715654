-- Gives a dead letter new attempts, at once.
--
-- KEYS[1]  run
-- KEYS[2]  att
-- KEYS[3]  dead
-- ARGV[1]  member
--
-- Result: 1, or 0 if there is no such dead letter. An entry of dead whose record
-- says that the work goes on is none, and is removed.
local bad = wrong(KEYS[1], 'ZCARD') or wrong(KEYS[2], 'HLEN') or wrong(KEYS[3], 'ZCARD')
if bad then return bad end
if redis.call('ZREM', KEYS[3], ARGV[1]) == 0 then return 0 end
local rec = redis.call('HGET', KEYS[2], ARGV[1])
if rec and string.find(rec, '^%d+ %d+ %d+ [01] ') then return 0 end
local a, _, _, _, why = attempts(rec)
redis.call('HSET', KEYS[2], ARGV[1], record(a, 0, 0, '1', why))
redis.call('ZADD', KEYS[1], int(math.floor(clock() / 1000)), ARGV[1])
wake(KEYS[1], 0)
return 1
