-- Gives a dead letter new attempts, at once.
--
-- KEYS[1]  run
-- KEYS[2]  att
-- KEYS[3]  dead
-- ARGV[1]  member
--
-- Result: 1, or 0 if there is no such dead letter.
if redis.call('ZREM', KEYS[3], ARGV[1]) == 0 then return 0 end
local a, _, _, _, why = attempts(redis.call('HGET', KEYS[2], ARGV[1]))
redis.call('HSET', KEYS[2], ARGV[1], record(a, 0, 0, '1', why))
redis.call('ZADD', KEYS[1], int(math.floor(clock() / 1000)), ARGV[1])
wake(KEYS[1], 0)
return 1
