-- Does what claim.lua says in the usual case: no firing is to be delivered
-- again, the claim takes everything that is due, and no other client changed
-- the triggers. It precedes most other code of the script, so that the usual
-- case does not pay for that. KEYS and ARGV are those of claim.lua. It needs
-- clock.lua, check.lua and key.lua.
--
-- It leaves every other claim to claim.lua before it writes anything.
--
-- A server whose memory is full refuses the first write of a script if that
-- command may use memory, and no later write. So the first write is one that
-- does not.
local due, active, status, payloads, dead, fired, backlog, tenants = unpack(KEYS)
local limit, lease, maxExpired, maxBytes = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local isBounded = ARGV[6] ~= '0'
local microseconds = clock()
local now = math.floor(microseconds / 1000)
local held, late = redis.pcall('HLEN', payloads), redis.pcall('ZRANGEBYSCORE', active, '-inf', now, 'LIMIT', 0, 1)
local isUsual = type(held) == 'number' and not late.err and #late == 0

-- Claims triggers, given by pairs of key and due time. It returns the result of
-- the script. If a trigger is not as usual, it returns nil and has written
-- nothing.
local function claimUsual(ready)
  local fields = {}
  for i = 1, #ready, 2 do fields[i], fields[i + 1] = '=|' .. ready[i], ready[i + 1] .. '|' .. ready[i] end
  -- The turn of each trigger, and the status of a firing with its key and due
  -- time.
  local known = #ready > 0 and redis.pcall('HMGET', status, unpack(fields)) or {redis.pcall('HLEN', status)}
  if known.err or #ready == 0 and type(known[1]) ~= 'number' then return nil end
  local pendingSize, deadSize = -1, -1
  if ARGV[5] == '1' or #ready < 2 * limit then
    pendingSize, deadSize = redis.pcall('ZCARD', due), redis.pcall('ZCARD', dead)
    if type(pendingSize) ~= 'number' or type(deadSize) ~= 'number' or type(redis.pcall('ZCARD', fired)) ~= 'number' then return nil end
  end
  local result = {microseconds, -1, pendingSize, deadSize, 0, 0, 0, 0, {}, {}, {}}
  local statuses, leases, keys, bytes = {}, {}, {}, 0
  for i = 1, #ready, 2 do
    if bytes > maxBytes then break end
    local key, at, member = ready[i], ready[i + 1], fields[i + 1]
    -- If the value has the due time and the time at which the key expires, no
    -- other client has changed the key.
    local value, expires = redis.pcall('GET', key), redis.pcall('PEXPIRETIME', key)
    local tail = type(expires) == 'number' and ';due=' .. at .. ';exp=' .. string.format('%.0f', expires)
    if known[i] or known[i + 1] or type(value) ~= 'string' or not tail or string.sub(value, -#tail) ~= tail or not isTriggerKey(key, 7) then
      return nil
    end
    local payload = held > 0 and redis.call('HGET', payloads, '-|' .. key)
    if payload then bytes = bytes + #payload end
    local n, s, r = #keys, #statuses, #result
    keys[n + 1], leases[2 * n + 1], leases[2 * n + 2] = key, now + lease, member
    statuses[s + 1], statuses[s + 2], statuses[s + 3], statuses[s + 4] = member, '1 0 0 0 ', fields[i], at
    result[r + 1], result[r + 2], result[r + 3] = member, '1 0 0 0 ', payload
  end
  if #keys > 0 then
    redis.call('ZREM', due, unpack(keys))
    redis.call('HSET', status, unpack(statuses))
    redis.call('ZADD', active, unpack(leases))
    redis.call('DEL', unpack(keys))
    for n = 1, held > 0 and #keys or 0 do
      local payload = result[3 * n + 11]
      if payload then
        redis.call('HSET', payloads, leases[2 * n], payload)
        redis.call('HDEL', payloads, '-|' .. keys[n])
      end
    end
  end
  if #keys < limit then
    local first, next = redis.call('ZRANGE', active, 0, 0, 'WITHSCORES'), redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
    local at = math.min(tonumber(first[2]) or latest, math.max(tonumber(next[2]) or latest, 0))
    if at < latest then result[2] = at end
  end
  if pendingSize ~= -1 then result[3] = pendingSize - #keys end
  return result, #keys
end

if isUsual then
  local ready = redis.pcall('ZRANGEBYSCORE', due, '-inf', now, 'WITHSCORES', 'LIMIT', 0, limit > 0 and limit + 1 or 0)
  if ready.err or #ready > 0 and isBounded then isUsual = false end
  if isUsual and (#ready == 0 or #ready <= 2 * limit and redis.pcall('EXISTS', backlog) == 0) then
    local result = claimUsual(ready)
    if result then return result end
    isUsual = false
  end
end
