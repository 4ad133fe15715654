-- Brings the schedule in line with what other writers did to triggers.
--
-- KEYS[1]  due
-- KEYS[2]  pay
-- KEYS[3]  seen: triggers that fired because of their `expired` event, or with
--          the end of their grace, so that another event of it changes nothing
-- KEYS     from 4: triggers
-- ARGV[1]  what is known of them: 'set' they may be there, 'expired' they have
--          ended
--
-- Result: how many were adopted or moved.
local bad = wrong(KEYS[1], 'ZCARD') or wrong(KEYS[2], 'HLEN')
if bad then return bad end
local memories = not wrong(KEYS[3], 'ZCARD')
local now = math.floor(clock() / 1000)
local adopted = 0

local function dueTime(key)
  local due = tonumber(redis.call('ZSCORE', KEYS[1], key))
  return usable(due) and due
end

local function set(key)
  local ends = redis.call('PEXPIRETIME', key)
  if ends <= 0 then return end
  local due = dueTime(key)
  if due and math.abs(due + grace - ends) <= tolerance then return end
  local v = held(key)
  if not v then return end
  local t = read(v)
  if t.exp and math.abs(t.exp - ends) <= tolerance then
    if due ~= t.due then
      redis.call('ZADD', KEYS[1], int(t.due), key)
      adopted = adopted + 1
      wakeFor(KEYS[1], key, t.due - now)
    end
    return
  end
  adopt(KEYS[1], KEYS[2], key, v, ends, now)
  if memories then redis.call('ZREM', KEYS[3], key) end
  adopted = adopted + 1
  wakeFor(KEYS[1], key, ends - now)
end

local function expired(key)
  if redis.call('EXISTS', key) == 1 then return end
  local due = dueTime(key)
  if due and now >= due + grace - tolerance then return end
  if not due and memories then
    if remembered(KEYS[3], key, now) then return end
    remember(KEYS[3], key, now)
  end
  write(KEYS[1], key, 'trigger:', now, now)
  adopted = adopted + 1
  wakeFor(KEYS[1], key, 0)
end

for i = 4, #KEYS do
  if ARGV[1] == 'set' then
    set(KEYS[i])
  else
    expired(KEYS[i])
  end
end
return adopted
