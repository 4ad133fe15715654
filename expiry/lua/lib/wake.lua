-- Wakes listeners when work is due earlier than they know. The message is the
-- number of milliseconds until then. The channel has the name of the set, with
-- `wake` as its kind. If the user may not publish, nothing else changes:
-- listeners look every second, and at each shard every 16 seconds.
local function wake(set, delay)
  local channel = string.gsub(set, '(%%exp[^:]*):%l+:', '%1:wake:', 1)
  redis.pcall('PUBLISH', channel, int(math.max(delay, 0)))
end

-- Wakes listeners if the trigger is the first that is due, and is due within two
-- seconds, or 18 seconds in a shard. Otherwise they look in time.
local function wakeIfFirst(due, key, delay)
  if delay > 18000 or delay > 2000 and not string.find(due, '%exp{', 1, true) then return end
  local head = redis.call('ZRANGE', due, 0, 0)
  if head[1] == key then wake(due, delay) end
end
