-- Discard: removes a dead letter with its status and payload.
--
-- KEYS[1]  status
-- KEYS[2]  dead
-- KEYS[3]  payloads
-- ARGV[1]  member
--
-- Result: 1, or 0 if there is no such dead letter. If the status of an entry of
-- dead says that the firing is active, the entry is removed and the result is
-- 0.
local err = wrongType(KEYS[1], 'HLEN') or wrongType(KEYS[2], 'ZCARD') or wrongType(KEYS[3], 'HLEN')
if err then return err end
if redis.call('ZREM', KEYS[2], ARGV[1]) == 0 then return 0 end
local status = redis.call('HGET', KEYS[1], ARGV[1])
if status and string.find(status, '^%d+ %d+ %d+ [01] ') then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
return 1
