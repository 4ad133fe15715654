-- Limits how many firings of a tenant are claimed at once. It needs
-- number.lua, running.lua and the variables of backlog.lua.
--
-- The sorted set running of a tenant has the claimed firings of all actions, as
-- `<attempt>|<member>`, by the ends of their leases. Only firings whose lease
-- has not expired count. So no firing of a dead worker holds a place.
local function runningKey(tenant)
  return string.gsub(due, '(%%exp)[^:]*:due:.*$', '%1:running:', 1) .. tenant
end

-- Returns how many more firings of a tenant can be claimed. If there is none,
-- freePlaces wakes the listeners of this action.
local function placesOf(tenant)
  local key = runningKey(tenant)
  local used = redis.pcall('ZCOUNT', key, '(' .. int(now), '+inf')
  if type(used) == 'table' then
    if not wrongType(key, 'ZCARD') then return redis.call('ZCOUNT', key, '(' .. int(now), '+inf') end
    wrongTypes[#wrongTypes + 1] = key
    return 0
  end
  local free = tonumber(ARGV[6]) - used
  if free > 0 then return free end
  local waiters = string.gsub(key, ':running:', ':blocked:', 1)
  local channel = string.gsub(due, '(%%exp[^:]*):due:', '%1:wake:', 1)
  if type(redis.pcall('ZADD', waiters, int(now), channel)) ~= 'table' then redis.call('PEXPIRE', waiters, 60000) end
  return 0
end

-- Takes places for firings that were claimed.
local function takePlaces(tenant, firings, from, to, leaseEnd)
  local key, args = runningKey(tenant), {}
  for i = from, to do
    args[#args + 1], args[#args + 2] = leaseEnd, firings[i]
  end
  local old = redis.call('ZRANGEBYSCORE', key, '-inf', int(now), 'LIMIT', 0, 100)
  if #old > 0 then redis.call('ZREM', key, unpack(old)) end
  redis.call('ZADD', key, unpack(args))
  keepRunning(key, now)
end
