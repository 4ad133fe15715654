-- Removes a dead letter with its payload.
--
-- KEYS[1]  att
-- KEYS[2]  dead
-- KEYS[3]  pay
-- ARGV[1]  member
--
-- Result: 1, or 0 if there is no such dead letter.
if redis.call('ZREM', KEYS[2], ARGV[1]) == 0 then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
return 1
