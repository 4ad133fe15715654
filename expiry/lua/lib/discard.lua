-- Removes dead letters. It needs status.lua.

-- Removes a dead letter with its status and payload, and reports whether there
-- was one. If it waits to be redelivered, it does not any more. If its status
-- says that the firing is active, only the entry of dead is removed.
local function discard(status, dead, payloads, member)
  if redis.call('ZREM', dead, member) == 0 then return false end
  local at, key = splitName(member)
  local text, waiters = unpack(redis.call('HMGET', status, member, waitersField(key)))
  if text and string.find(text, '^%d+ %d+ %d+ [01]%+? ') then return false end
  redis.call('HDEL', status, member)
  redis.call('HDEL', payloads, member)
  if at and waiters then
    local left = {}
    for other in string.gmatch(waiters, '%-?%d+') do
      if other ~= at then left[#left + 1] = other end
    end
    if #left > 0 then
      redis.call('HSET', status, waitersField(key), table.concat(left, ' '))
    else
      redis.call('HDEL', status, waitersField(key))
    end
  end
  return true
end
