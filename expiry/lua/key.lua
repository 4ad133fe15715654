-- How a trigger's key is read and written. It follows clock.lua and sound.lua.
--
-- A scheduled trigger's value ends in `;due=<ms>;exp=<ms>`: when it is due, and
-- when its key ends, a grace after that. A value whose `exp` is not the key's
-- lifetime was changed by another writer, and so was one without.
local grace = 3600000
local tolerance = 0
if not redis.REDIS_VERSION_NUM then
  tolerance = 60000 -- on the embedded server time runs in steps
elseif string.find(KEYS[1], '{', 1, true) then
  tolerance = 10000 -- on a cluster MIGRATE takes along what is left of a lifetime, and ends it later
end
local memory = 10000

local function wrongtype()
  return redis.error_reply('WRONGTYPE Operation against a key holding the wrong kind of value')
end

-- Gives a trigger's value, and whether the key holds another type instead. What
-- else keeps the server from reading it, such as a slot that is on its way to
-- another node, says nothing about the trigger: it ends the script, or, where
-- that has begun to write, is the third result.
local function held(key, begun)
  local v = redis.pcall('GET', key)
  if type(v) ~= 'table' then return v, false, false end
  if string.find(v.err, 'WRONGTYPE', 1, true) then return false, true, false end
  if begun then return false, false, true end
  return redis.call('GET', key)
end

local function read(v)
  local t = {}
  local rest = string.match(v, '^trigger:[^;]*;id=%w+(.*)$')
  if rest then
    t.first = tonumber((string.match(rest, '^;first=(%d+)')))
    t.payload = string.match(rest, '^;pay=(.*)$') or string.match(rest, '^;first=%d+;pay=(.*)$')
    if t.payload then
      t.bare = string.sub(v, 1, #v - #t.payload - 5)
      return t
    end
  end
  local due, exp = string.match(v, ';due=(%d+);exp=(%d+)$')
  t.due, t.exp = tonumber(due), tonumber(exp)
  if not usable(t.due) or not usable(t.exp) then t.due, t.exp = nil, nil end
  t.bare = string.gsub(v, ';due=%d+;exp=%d+$', '')
  return t
end

-- Says whether a value is that of a trigger due then, whose key ends as it was
-- written to.
local function unchanged(v, due, ends)
  local tail = ';due=' .. due .. ';exp=' .. int(ends)
  if string.sub(v, -#tail) == tail then return true end
  local t = read(v)
  return tolerance > 0 and t.exp and t.due == tonumber(due) and math.abs(t.exp - ends) <= tolerance
end

local function pending(key) return '-|' .. key end

local function write(due, key, bare, at, now)
  local exp = int(math.max(at, now) + grace)
  redis.call('SET', key, bare .. ';due=' .. int(at) .. ';exp=' .. exp, 'PXAT', exp)
  redis.call('ZADD', due, int(at), key)
end

local function adopt(due, pay, key, v, ends, now)
  local t = read(v)
  if t.payload then redis.call('HSET', pay, pending(key), t.payload) end
  write(due, key, t.bare, math.min(ends, latest), now)
end

local function drop(due, pay, key)
  redis.call('ZREM', due, key)
  redis.call('HDEL', pay, pending(key))
end

-- Notes that a trigger whose key ended has fired, for as long as another
-- listener may take to look at the event of it. Each note removes two old ones
-- at most, so that no call removes many.
local function remember(seen, key, now)
  local old = redis.call('ZRANGEBYSCORE', seen, '-inf', int(now - memory), 'LIMIT', 0, 2)
  if #old > 0 then redis.call('ZREM', seen, unpack(old)) end
  redis.call('ZADD', seen, int(now), key)
  redis.call('PEXPIRE', seen, memory)
end

-- Says whether such a trigger fired a moment ago.
local function remembered(seen, key, now)
  local fired = tonumber(redis.call('ZSCORE', seen, key))
  return fired and fired > now - memory and fired <= now + memory
end
