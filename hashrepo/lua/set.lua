-- Sets fields of a record, without preamble.lua. Run by HashRepo.Upsert and
-- UpsertMany for records without absent fields, and by Update and Merge for
-- patches that only set fields.
--
-- KEYS[1]    the record
-- ARGV[1]    the lifetime in milliseconds; '0' if records do not expire
-- ARGV[2..]  name and text of each field
-- Result: 1.
local added = redis.call('HSET', KEYS[1], unpack(ARGV, 2))
if added > 0 then redis.call('HDEL', KEYS[1], '_') end
if ARGV[1] == '0' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return 1
