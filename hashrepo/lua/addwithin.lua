-- Does what add.lua does, if the sum is in a range.
--
-- KEYS[1]    the record
-- ARGV[1]    the lifetime in milliseconds; '0' if records do not expire
-- ARGV[2]    the field
-- ARGV[3]    the addend, in decimal
-- ARGV[4,5]  the range; the numbers of Lua represent each number in it
-- ARGV[6]    '1' if the addend is in the range, otherwise ''
-- ARGV[7..]  name and text of each field to set
-- Result: the sum. If Redis refuses the addition, the field is absent but
-- the addend is not in the range, or the sum is not: the status UNCHANGED.
if ARGV[6] == '' and not redis.call('HGET', KEYS[1], ARGV[2]) then return redis.status_reply('UNCHANGED') end
local by = ARGV[3]
local sum = redis.pcall('HINCRBY', KEYS[1], ARGV[2], by)
if type(sum) ~= 'number' then return redis.status_reply('UNCHANGED') end
if sum < tonumber(ARGV[4], 10) or sum > tonumber(ARGV[5], 10) then
  -- The field existed: otherwise the sum would be the addend.
  redis.call('HINCRBY', KEYS[1], ARGV[2], string.sub(by, 1, 1) == '-' and string.sub(by, 2) or '-' .. by)
  return redis.status_reply('UNCHANGED')
end

local added = sum == tonumber(by, 10)
if ARGV[7] then added = redis.call('HSET', KEYS[1], unpack(ARGV, 7)) > 0 or added end
if added then redis.call('HDEL', KEYS[1], '_') end
if ARGV[1] == '0' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return sum
