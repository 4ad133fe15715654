-- Checks the version of a record. Every script of this package begins with it,
-- after preamble.lua. It also declares the functions that the scripts share.
--
-- ARGV[5]  stored name of the version field, '' if the record type has none
-- ARGV[6]  version that the record must have, '' for any; a record that does
--          not exist has version 0
-- ARGV[7]  '1' if the server supports lifetimes of fields
-- The arguments of the script itself start at ARGV[8].
--
-- Result, if the script ends here: the status CONFLICT if the record has
-- another version, BADVERSION if the field is not an integer, LASTVERSION if it
-- cannot be incremented.
local last_argument = #ARGV             -- of the script itself
local prepare_index, write_index, delete_index, renew_look -- of index_write.lua; nil without it
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
local field_lifetimes = ARGV[7] == '1'

-- Increments the version.
local function increment_version()
  if versioned then redis.call('HINCRBY', KEYS[1], ARGV[5], 1) end
end

-- Returns the number of fields. HLEN also counts expired fields that Redis has
-- not removed yet.
local function count_fields()
  if field_lifetimes then return #redis.call('HKEYS', KEYS[1]) end
  return redis.call('HLEN', KEYS[1])
end

-- Adds the reserved field, before the other fields may all be removed.
local function add_reserved() redis.call('HSET', KEYS[1], '_', '') end

-- Removes the reserved field, unless the record has no other field.
local function remove_reserved()
  if count_fields() > 1 then redis.call('HDEL', KEYS[1], '_') end
end

