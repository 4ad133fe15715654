-- RestoreFiring: adds a firing that waits for its next attempt, with the turn of
-- its trigger.
--
-- KEYS[1]  key of the trigger
-- KEYS[2]  active
-- KEYS[3]  status
-- KEYS[4]  payloads
-- ARGV[1]  due time of the firing
-- ARGV[2]  time of the next attempt
-- ARGV[3]  attempts, failures, expired leases, the state 1, and the last error
-- ARGV[4]  the payload; may be missing
--
-- Result: 1, or the error WRONGTYPE.
local err = wrongType(KEYS[2], 'ZCARD') or wrongType(KEYS[3], 'HLEN') or wrongType(KEYS[4], 'HLEN')
if err then return err end
local member = ARGV[1] .. '|' .. KEYS[1]
redis.call('HSET', KEYS[3], member, ARGV[3], turnField(KEYS[1]), ARGV[1])
redis.call('ZADD', KEYS[2], ARGV[2], member)
wake(KEYS[2], ARGV[2] - clock() / 1000)
if ARGV[4] then redis.call('HSET', KEYS[4], member, ARGV[4]) end
return 1
