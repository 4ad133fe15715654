-- What the scripts share: how a trigger's key and a claim's record are read and
-- written. It follows clock.lua and precedes every script.
--
-- A scheduled trigger's value ends in `;due=<ms>;exp=<ms>`: when it is due, and
-- when its key ends, a grace after that. A value whose `exp` is not the key's
-- lifetime was changed by another writer, and so was one without.
--
-- An attempt's record is `<attempts> <failures> <lapses> <state> <last error>`;
-- the state is 0 claimed, 1 waiting for its next attempt, 2 dead.
local grace = 3600000
local tolerance = redis.REDIS_VERSION_NUM and 0 or 60000 -- on the embedded server time runs in steps
local memory = 10000

local function int(n) return string.format('%.0f', n) end

local function held(key)
  local v = redis.pcall('GET', key)
  if type(v) == 'table' then return false, true end
  return v, false
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
  t.bare = string.gsub(v, ';due=%d+;exp=%d+$', '')
  return t
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
  write(due, key, t.bare, ends, now)
end

local function drop(due, pay, key)
  redis.call('ZREM', due, key)
  redis.call('HDEL', pay, pending(key))
end

-- Tells listeners that work falls due earlier than they know. A user that may
-- not publish schedules all the same: listeners look by themselves.
local function wake(channel, shard, delay)
  redis.pcall('PUBLISH', channel, shard .. ' ' .. int(math.max(delay, 0)))
end

local function first(due, key)
  local head = redis.call('ZRANGE', due, 0, 0)
  return head[1] == key
end

-- Notes that a trigger whose key ended has fired, for as long as another
-- listener may take to look at the event of it.
local function remember(seen, key, now)
  redis.call('ZREMRANGEBYSCORE', seen, '-inf', int(now - memory))
  redis.call('ZADD', seen, int(now), key)
  redis.call('PEXPIRE', seen, memory)
end

local function attempts(record)
  local a, f, l, s, why = string.match(record or '', '^(%d+) (%d+) (%d+) (%d) (.*)$')
  return tonumber(a) or 0, tonumber(f) or 0, tonumber(l) or 0, s or '1', why or ''
end

local function record(a, f, l, state, why)
  return int(a) .. ' ' .. int(f) .. ' ' .. int(l) .. ' ' .. state .. ' ' .. why
end
