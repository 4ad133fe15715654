-- Wakes listeners when work is due earlier than they know. The message is the
-- number of milliseconds until then. The channel has the name of the set, with
-- `wake` as its kind. If the user may not publish, nothing else changes:
-- listeners look every second, and at each shard every 16 seconds.
local function wake(set, delay)
  local channel = string.gsub(set, '(%%exp[^:]*):%l+:', '%1:wake:', 1)
  redis.pcall('PUBLISH', channel, int(math.max(delay, 0)))
end

-- Lets a claim find an entry that is written to a time up to which it has read
-- due or active already (backlog.lua): a trigger `t<key>`, or a firing
-- `f<member>`.
local function noteEarlier(due, member)
  local backlog = string.gsub(due, '(%%exp[^:]*):%l+:', '%1:backlog:', 1)
  if type(redis.pcall('HGET', backlog, 'turn')) ~= 'string' then return end
  local earlier = string.gsub(due, '(%%exp[^:]*):%l+:', '%1:earlier:', 1)
  if type(redis.pcall('ZADD', earlier, 0, member)) == 'number' then redis.pcall('HSET', backlog, 'earlier', '1') end
end

-- Wakes listeners if the trigger is the first that is due, and is due within two
-- seconds, or 18 seconds in a shard. Otherwise they look in time.
local function wakeIfFirst(due, key, delay)
  if delay > 18000 or delay > 2000 and not string.find(due, '%exp{', 1, true) then return end
  local head = redis.call('ZRANGE', due, 0, 0)
  if head[1] == key then wake(due, delay) end
end
