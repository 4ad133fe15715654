-- Counts the members of the list or of an index, after a look at the records
-- whose time has come. Run by HashRepo.Count, after index.lua.
--
-- KEYS[1]   the list of the space
-- KEYS[2]   the spaces of the group
-- ARGV[1]   what precedes the id in the key of a record
-- ARGV[2]   what follows it
-- ARGV[3]   how many records to look at, at most
-- ARGV[4]   the name of the index, '' for the list
-- ARGV[5..] two texts for each range: the first sort text in it, and the first
--           one after it, '' if there is none
-- Result: the number of members, and 1 if there may be more records to look at.
spaces_key = KEYS[2]
enter_space(KEYS[1], ARGV[1], ARGV[2])

local looked, due = pcall(look_at_due, tonumber(ARGV[3], 10))
local more = looked and due == tonumber(ARGV[3], 10)
local n = 0
if ARGV[4] == '' then
  n = redis.call('ZCARD', ids_key)
else
  for i = 5, #ARGV, 2 do
    local low, high = '[' .. ARGV[i], '(' .. ARGV[i + 1]
    if ARGV[i + 1] == '' then high = '+' end
    n = n + redis.call('ZLEXCOUNT', index_key(ARGV[4]), low, high)
  end
end
return { n, more and 1 or 0 }
