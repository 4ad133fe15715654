-- What every script of this package begins with, behind the rule: the
-- record's version.
--
-- ARGV[5]  stored name of the version field, '' where records have none
-- ARGV[6]  version that the record must have, '' for any; a record that is
--          not there has 0
-- The script's own arguments start at ARGV[7].
--
-- Result where the body does not run: the status CONFLICT, or BADVERSION
-- where the field holds no number.
local versioned = ARGV[5] ~= ''
if versioned then
  local version = redis.call('HGET', KEYS[1], ARGV[5]) or '0'
  if not string.match(version, '^%-?%d+$') then return redis.status_reply('BADVERSION') end
  if ARGV[6] ~= '' and version ~= ARGV[6] then return redis.status_reply('CONFLICT') end
end

-- Counts a change. It comes before the first write, since HINCRBY refuses a
-- number that is at its end.
local function bump()
  if versioned then redis.call('HINCRBY', KEYS[1], ARGV[5], 1) end
end

