-- Retry: redelivers a dead letter at once, and resets its failures and expired
-- leases.
--
-- KEYS[1]  active
-- KEYS[2]  status
-- KEYS[3]  dead
-- ARGV[1]  member
--
-- Result: 1, or 0 if there is no such dead letter. If the status of an entry of
-- dead says that the firing is active, the entry is removed and the result is
-- 0.
local err = wrongType(KEYS[1], 'ZCARD') or wrongType(KEYS[2], 'HLEN') or wrongType(KEYS[3], 'ZCARD')
if err then return err end
if redis.call('ZREM', KEYS[3], ARGV[1]) == 0 then return 0 end
local status = redis.call('HGET', KEYS[2], ARGV[1])
if status and string.find(status, '^%d+ %d+ %d+ [01] ') then return 0 end
local attempts, _, _, _, lastError = parseStatus(status)
redis.call('HSET', KEYS[2], ARGV[1], formatStatus(attempts, 0, 0, '1', lastError))
redis.call('ZADD', KEYS[1], int(math.floor(clock() / 1000)), ARGV[1])
wake(KEYS[1], 0)
return 1
