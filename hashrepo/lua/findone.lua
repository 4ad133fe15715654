-- Finds a record by one value of an indexed field. Run by HashRepo.FindOne. It
-- answers the usual case, and leaves the others to find.lua.
--
-- KEYS[1]   the list of the space
-- ARGV[1]   what precedes the id in the key of a record
-- ARGV[2]   what follows it
-- ARGV[3]   the name of the index
-- ARGV[4]   the sort text
-- ARGV[5]   the number of the field among the names
-- ARGV[6]   the text that it must have
-- ARGV[7..] names of the fields to read
-- Result: 0 if the index has no member, or 1 if its first member is stale or has
-- another text. Otherwise the id and the reply to HMGET.
local index = '%index' .. string.sub(KEYS[1], 5) .. ':' .. ARGV[3]
local member = redis.call('ZRANGEBYLEX', index, '[' .. ARGV[4] .. '\0', '(' .. ARGV[4] .. '\1', 'LIMIT', 0, 1)[1]
if not member then return 0 end
local id = string.sub(member, #ARGV[4] + 2)
local values = redis.pcall('HMGET', ARGV[1] .. id .. ARGV[2], unpack(ARGV, 7))
if values['err'] or values[tonumber(ARGV[5], 10)] ~= ARGV[6] then return 1 end
return { id, values }
