-- Removes fields of a record. Run by HashRepo.DeleteField.
--
-- KEYS[1]    the record
-- ARGV[8..]  names of the fields; each old name of a field follows its name,
--            after the argument '_'
-- Result: the number of fields that existed.
if not existed then return 0 end
if prepare_index then prepare_index() end
increment_version()
add_reserved()
local removed, i = 0, 8
while i <= last_argument do
  local existing = redis.call('HDEL', KEYS[1], ARGV[i])
  while i < last_argument and ARGV[i + 1] == '_' do
    existing = math.max(existing, redis.call('HDEL', KEYS[1], ARGV[i + 2]))
    i = i + 2
  end
  removed = removed + existing
  i = i + 1
end
remove_reserved()
renew()
if write_index then write_index() end
return removed
