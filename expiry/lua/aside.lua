-- How what cannot be processed is set aside: as a dead letter, which nothing
-- processes by itself, and which Dead shows, Retry gives attempts and Discard
-- removes. It follows sound.lua, key.lua and record.lua.

-- Says whether a key can be that of a trigger of this schedule: it holds, in
-- their order, the pieces that all of them have, from the first place of ARGV,
-- and lies in the same slot.
local tag = string.match(KEYS[1], '%%exp({.-}):')
local function ours(key, first)
  local brace = tag and string.find(key, '{', 1, true)
  if tag and not (brace and string.sub(key, brace, brace + #tag - 1) == tag) then return false end
  local last = #ARGV
  if string.sub(key, 1, #ARGV[first]) ~= ARGV[first] then return false end
  local at = #ARGV[first] + 1
  for i = first + 1, last - 1 do
    local _, found = string.find(key, ARGV[i], at, true)
    if not found then return false end
    at = found + 1
  end
  return at <= #key - #ARGV[last] + 1 and string.sub(key, #key - #ARGV[last] + 1) == ARGV[last]
end

-- Says whether a member is the name of a firing.
local function named(member) return string.find(member, '^%-?%d+|.') end

local function asideFiring(run, att, dead, member, rec, now)
  redis.call('ZREM', run, member)
  redis.call('HSET', att, member, rec)
  redis.call('ZADD', dead, int(now), member)
end

-- Names a firing, and gives it a record. Two firings of a trigger that fell due
-- in one millisecond have two names. Nil where too many are taken.
local function name(att, key, at, rec)
  for i = 0, 99 do
    local member = int(at - i) .. '|' .. key
    if redis.call('HSETNX', att, member, rec) == 1 then return member end
  end
end

-- Sets aside what waited in due, or a payload that nothing refers to.
local function asidePending(due, att, pay, dead, key, now, why)
  local member = name(att, key, now, record(0, 0, 0, '2', why))
  if not member then return end
  redis.call('ZADD', dead, int(now), member)
  redis.call('ZREM', due, key)
  local p = redis.call('HGET', pay, pending(key))
  if p then
    redis.call('HSET', pay, member, p)
    redis.call('HDEL', pay, pending(key))
  end
end

-- Puts right a due entry whose score is no time: the trigger's key tells it, and
-- where it does not the entry is set aside. Gives false where the key cannot be
-- read now, and the script has begun to write.
local function straighten(due, att, pay, dead, key, score, now, begun)
  local v, other, unread = held(key, begun)
  if unread then return false end
  local ends = v and redis.call('PEXPIRETIME', key) or 0
  if other or ends < 0 then
    drop(due, pay, key)
    return true
  end
  if not v then
    asidePending(due, att, pay, dead, key, now, 'its due time was ' .. score)
    return true
  end
  local t = read(v)
  if t.exp and math.abs(t.exp - ends) <= tolerance then
    redis.call('ZADD', due, int(t.due), key)
  else
    adopt(due, pay, key, v, ends, now)
  end
  return true
end
