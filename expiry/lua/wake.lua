-- Tells listeners when work falls due earlier than they know, by a message
-- `<milliseconds>` on the channel that is named as the set is, with `wake` for
-- its kind. A user that may not publish does his work all the same: listeners
-- look by themselves every second.
local function wake(set, delay)
  local channel = string.gsub(set, '(%%exp[^:]*):%l+:', '%1:wake:', 1)
  redis.pcall('PUBLISH', channel, int(math.max(delay, 0)))
end

-- Wakes them where the trigger is the first that falls due.
local function wakeFor(due, key, delay)
  if delay > 2000 then return end -- they look before
  local head = redis.call('ZRANGE', due, 0, 0)
  if head[1] == key then wake(due, delay) end
end
