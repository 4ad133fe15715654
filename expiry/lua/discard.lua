-- Discard: removes a dead letter with its status and payload. If it waits to be
-- redelivered, it does not any more.
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
local at, key = splitName(ARGV[1])
local text, waiters = unpack(redis.call('HMGET', KEYS[1], ARGV[1], waitersField(key)))
if text and string.find(text, '^%d+ %d+ %d+ [01]%+? ') then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
if at and waiters then
  local left = {}
  for other in string.gmatch(waiters, '%-?%d+') do
    if other ~= at then left[#left + 1] = other end
  end
  if #left > 0 then
    redis.call('HSET', KEYS[1], waitersField(key), table.concat(left, ' '))
  else
    redis.call('HDEL', KEYS[1], waitersField(key))
  end
end
return 1
