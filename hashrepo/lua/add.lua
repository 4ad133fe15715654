-- Adds to an integer field of a record and sets other fields. Run by
-- HashRepo.Update, Merge and the methods that return a sum, without
-- preamble.lua.
--
-- KEYS[1]    the record
-- ARGV[1]    the lifetime in milliseconds; '0' if records do not expire
-- ARGV[2]    the field
-- ARGV[3]    the addend, in decimal
-- ARGV[4..]  name and text of each field to set
-- Result: the sum, as a text if the numbers of Lua may not represent it. If
-- Redis refuses the addition: the status UNCHANGED.
local sum = redis.pcall('HINCRBY', KEYS[1], ARGV[2], ARGV[3])
if type(sum) ~= 'number' then return redis.status_reply('UNCHANGED') end

local added = sum == tonumber(ARGV[3], 10)
if ARGV[4] then added = redis.call('HSET', KEYS[1], unpack(ARGV, 4)) > 0 or added end
if added then redis.call('HDEL', KEYS[1], '_') end
if ARGV[1] == '0' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
if sum < 2 ^ 53 and sum > -2 ^ 53 then return sum end
return redis.call('HGET', KEYS[1], ARGV[2])
