-- What every script of this package begins with, behind the rule: the
-- record's version, and the reserved field of a record without another.
--
-- ARGV[5]  stored name of the version field, '' where records have none
-- ARGV[6]  version that the record must have, '' for any; a record that is
--          not there has 0
-- ARGV[7]  '1' where the server has lifetimes of fields
-- The script's own arguments start at ARGV[8].
--
-- Result where the body does not run: the status CONFLICT; BADVERSION where
-- the field holds no integer, LASTVERSION where it holds the greatest one.
local versioned = ARGV[5] ~= ''
if versioned then
  local version = redis.call('HGET', KEYS[1], ARGV[5]) or '0'
  if version ~= '0' and not string.find(version, '^%-?[1-9]%d*$') then
    return redis.status_reply('BADVERSION')
  end
  if ARGV[6] ~= '' and version ~= ARGV[6] then return redis.status_reply('CONFLICT') end
  if #version > 19 or #version == 19 and version >= '9223372036854775807' then
    return redis.status_reply('LASTVERSION')
  end
end
local lifetimes = ARGV[7] == '1'

-- bump counts a change.
local function bump()
  if versioned then redis.call('HINCRBY', KEYS[1], ARGV[5], 1) end
end

-- count is how many fields there are. HLEN counts those whose lifetime is
-- over too.
local function count()
  if lifetimes then return #redis.call('HKEYS', KEYS[1]) end
  return redis.call('HLEN', KEYS[1])
end

-- reserve keeps a record whose fields may all go.
local function reserve() redis.call('HSET', KEYS[1], '_', '') end

-- settle leaves the reserved field only where it is alone.
local function settle()
  if count() > 1 then redis.call('HDEL', KEYS[1], '_') end
end

