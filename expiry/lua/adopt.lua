-- adopt: updates the schedule after other clients changed the keys of triggers.
--
-- KEYS[1]  due
-- KEYS[2]  payloads
-- KEYS[3]  fired: triggers that fired, or began to wait, after their keys
--          expired, so that a second event of the same key is ignored
-- KEYS     from 4: keys of triggers
-- ARGV[1]  'set' if the keys may exist, 'expired' if they have expired
--
-- Result: how many triggers were adopted or moved.
local err = wrongType(KEYS[1], 'ZCARD') or wrongType(KEYS[2], 'HLEN')
if err then return err end
local firedUsable = not wrongType(KEYS[3], 'ZCARD')
local now = math.floor(clock() / 1000)
local adopted = 0

local function dueTime(key)
  local due = tonumber(redis.call('ZSCORE', KEYS[1], key))
  return isTime(due) and due
end

local function adoptSet(key)
  local expires = redis.call('PEXPIRETIME', key)
  if expires <= 0 then return end
  local due = dueTime(key)
  if due and math.abs(due + grace - expires) <= tolerance then return end
  local value = readKey(key)
  if not value then return end
  local t = parse(value)
  if t.exp and math.abs(t.exp - expires) <= tolerance then
    if due ~= t.due then
      redis.call('ZADD', KEYS[1], int(t.due), key)
      adopted = adopted + 1
      if t.due < now then noteEarlier(KEYS[1], 't' .. key) end
      wakeIfFirst(KEYS[1], key, t.due - now)
    end
    return
  end
  adoptTrigger(KEYS[1], KEYS[2], key, value, expires, now)
  if firedUsable then redis.call('ZREM', KEYS[3], key) end
  adopted = adopted + 1
  wakeIfFirst(KEYS[1], key, expires - now)
end

local function adoptExpired(key)
  if redis.call('EXISTS', key) == 1 then return end
  local due = dueTime(key)
  if due and now >= due + grace - tolerance then return end
  if not due and firedUsable then
    if firedRecently(KEYS[3], key, now) then return end
    markFired(KEYS[3], key, now)
  end
  writeTrigger(KEYS[1], key, 'trigger:', now, now)
  adopted = adopted + 1
  wakeIfFirst(KEYS[1], key, 0)
end

for i = 4, #KEYS do
  if ARGV[1] == 'set' then
    adoptSet(KEYS[i])
  else
    adoptExpired(KEYS[i])
  end
end
return adopted
