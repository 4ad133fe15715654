-- Makes dead letters of entries that cannot be processed: nothing processes a
-- dead letter by itself, Dead shows it, Retry redelivers it, and Discard
-- removes it. It needs check.lua, trigger.lua, status.lua, wake.lua, turn.lua and
-- key.lua.

-- Makes a dead letter of a firing, and ends its turn. `awaited` is '+' if
-- others may wait for that.
local function setFiringAside(due, active, status, dead, member, newStatus, awaited, now)
  redis.call('ZREM', active, member)
  redis.call('HSET', status, member, newStatus)
  redis.call('ZADD', dead, int(now), member)
  endTurn(due, active, status, dead, member, awaited, now)
end

-- Names a firing and writes its status. If a firing of the same trigger and
-- millisecond exists, the name has an earlier millisecond. It returns nil if
-- 100 names are taken.
local function nameFiring(status, key, at, newStatus)
  for i = 0, 99 do
    local member = int(at - i) .. '|' .. key
    if redis.call('HSETNX', status, member, newStatus) == 1 then return member end
  end
end

-- Makes a dead letter of an entry of due, or of a payload without a trigger.
local function setTriggerAside(due, status, payloads, dead, key, now, lastError)
  local member = nameFiring(status, key, now, formatStatus(0, 0, 0, '2', lastError))
  if not member then return end
  redis.call('ZADD', dead, int(now), member)
  redis.call('ZREM', due, key)
  local payload = redis.call('HGET', payloads, pendingField(key))
  if payload then
    redis.call('HSET', payloads, member, payload)
    redis.call('HDEL', payloads, pendingField(key))
  end
end

-- Gives a due entry the time in the trigger's key. If the key does not exist,
-- the entry becomes a dead letter; if the key holds another type or never
-- expires, the entry is removed. It returns false if the key is unreadable and
-- the script has written already.
local function repairDue(due, status, payloads, dead, key, score, now, written)
  local value, otherType, unreadable = readKey(key, written)
  if unreadable then return false end
  local expires = value and redis.call('PEXPIRETIME', key) or 0
  if otherType or expires < 0 then
    dropTrigger(due, payloads, key)
    return true
  end
  if not value then
    setTriggerAside(due, status, payloads, dead, key, now, 'its due time was invalid: ' .. score)
    return true
  end
  local t = parse(value)
  if t.exp and math.abs(t.exp - expires) <= tolerance then
    redis.call('ZADD', due, int(t.due), key)
    if t.due <= now then noteEarlier(due, 't' .. key) end
  else
    adoptTrigger(due, payloads, key, value, expires, now)
  end
  return true
end
