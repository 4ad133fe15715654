-- Reads and writes the keys of triggers. It needs number.lua, clock.lua and
-- check.lua.
--
-- The value of a scheduled trigger ends in `;due=<ms>;exp=<ms>`: when the
-- trigger is due, and when its key expires, which is one grace later. If `exp`
-- differs from the key's expiry, or is missing, another client wrote the key.
-- If the trigger waits for its turn (turn.lua), its score in due is later than
-- `due`, and its key expires one grace after the score.
local grace = 3600000
local tolerance = 0
if not redis.REDIS_VERSION_NUM then
  tolerance = 60000 -- the embedded server's time moves in steps
elseif string.find(KEYS[1], '{', 1, true) then
  tolerance = 10000 -- on a cluster, MIGRATE restarts the remaining lifetime and so postpones the expiry
end
local firedTTL = 10000

local function wrongTypeReply()
  return redis.error_reply('WRONGTYPE Operation against a key holding the wrong kind of value')
end

-- Returns the value of a trigger's key; whether the key holds another type; and
-- whether it is unreadable now, as when its slot moves to another node. An
-- unreadable key ends the script, unless the script has written already.
local function readKey(key, written)
  local value = redis.pcall('GET', key)
  if type(value) ~= 'table' then return value, false, false end
  if string.find(value.err, 'WRONGTYPE', 1, true) then return false, true, false end
  if written then return false, false, true end
  return redis.call('GET', key)
end

-- Parses the value of a trigger's key. `first` is the time of the first call of
-- Debounce. A bare key may have a `payload`. A scheduled trigger has `due` and
-- `exp`. `head` is the value without `payload`, `due` and `exp`.
local function parse(value)
  local t = {}
  local fields = string.match(value, '^trigger:[^;]*;id=%w+(.*)$')
  if fields then
    t.first = tonumber((string.match(fields, '^;first=(%d+)')))
    t.payload = string.match(fields, '^;pay=(.*)$') or string.match(fields, '^;first=%d+;pay=(.*)$')
    if t.payload then
      t.head = string.sub(value, 1, #value - #t.payload - 5)
      return t
    end
  end
  local due, exp = string.match(value, ';due=(%d+);exp=(%d+)$')
  t.due, t.exp = tonumber(due), tonumber(exp)
  if not isTime(t.due) or not isTime(t.exp) then t.due, t.exp = nil, nil end
  t.head = string.gsub(value, ';due=%d+;exp=%d+$', '')
  return t
end

-- Returns the digits of the due time of a trigger that is due according to its
-- score, if its key expires when the value says; else nil. The due time is
-- earlier than the score if the trigger waited for its turn.
local function unchangedDue(value, score, expires)
  local tail = ';due=' .. score .. ';exp=' .. int(expires)
  if string.sub(value, -#tail) == tail then return score end
  local t = parse(value)
  return t.exp and t.due <= tonumber(score) and math.abs(t.exp - expires) <= tolerance and int(t.due) or nil
end

-- Returns the field of a payload whose trigger has not fired.
local function pendingField(key) return '-|' .. key end

-- Returns a payload without its origin, which is before it: `~<length>:<origin>`.
local function withoutOrigin(payload)
  local length, from = string.match(payload, '^~(%d+):()')
  return length and string.sub(payload, from + length) or payload
end

-- Writes a trigger's key and its due entry.
local function writeTrigger(due, key, head, at, now)
  local exp = int(math.max(at, now) + grace)
  redis.call('SET', key, head .. ';due=' .. int(at) .. ';exp=' .. exp, 'PXAT', exp)
  redis.call('ZADD', due, int(at), key)
end

-- Schedules a trigger that another client wrote, or whose lifetime it changed.
local function adoptTrigger(due, payloads, key, value, expires, now)
  local t = parse(value)
  if t.payload then redis.call('HSET', payloads, pendingField(key), t.payload) end
  writeTrigger(due, key, t.head, math.min(expires, latest), now)
end

-- Removes a trigger from the schedule, with its payload.
local function dropTrigger(due, payloads, key)
  redis.call('ZREM', due, key)
  redis.call('HDEL', payloads, pendingField(key))
end

-- Remembers that a trigger whose key expired has fired or waits, for as long as
-- another listener may take to handle the event of that key. Each call removes
-- at most two old entries, so that no call is slow.
local function markFired(fired, key, now)
  local old = redis.call('ZRANGEBYSCORE', fired, '-inf', int(now - firedTTL), 'LIMIT', 0, 2)
  if #old > 0 then redis.call('ZREM', fired, unpack(old)) end
  redis.call('ZADD', fired, int(now), key)
  redis.call('PEXPIRE', fired, firedTTL)
end

-- Reports whether such a trigger has fired recently.
local function firedRecently(fired, key, now)
  local at = tonumber(redis.call('ZSCORE', fired, key))
  return at and at > now - firedTTL and at <= now + firedTTL
end
