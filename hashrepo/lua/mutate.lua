-- Sets fields of a record if its fields have the texts that were read. Run by
-- HashRepo.Mutate, without preamble.lua. The names of the fields are written
-- into the script in place of FIELDS.
--
-- KEYS[1]    the record
-- ARGV[1]    the lifetime in milliseconds; '0' if records do not expire, '' if
--            the record keeps its lifetime
-- ARGV[2]    a separator that is in none of the texts
-- ARGV[3]    the numbers of the absent fields, each followed by a space
-- ARGV[4]    the texts of all fields, joined by the separator; '' for those
--            that are absent
-- ARGV[5..]  name and text of each field to set
-- Result: 1, or the status CHANGED if a field has another text.
local texts, absent = redis.call('HMGET', KEYS[1], FIELDS), ''
for i = 1, #texts do
  if not texts[i] then
    texts[i], absent = '', absent .. i .. ' '
  end
end
if absent ~= ARGV[3] or table.concat(texts, ARGV[2]) ~= ARGV[4] then return redis.status_reply('CHANGED') end

if redis.call('HSET', KEYS[1], unpack(ARGV, 5)) > 0 then redis.call('HDEL', KEYS[1], '_') end
if ARGV[1] == '0' then
  redis.call('PERSIST', KEYS[1])
elseif ARGV[1] ~= '' then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return 1
