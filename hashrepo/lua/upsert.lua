-- Writes fields of a record. Run by HashRepo.Upsert, UpsertMany and Replace,
-- and by Update for patches that only set and clear fields.
--
-- KEYS[1]         the record
-- ARGV[8]         '1' to remove all fields that are not set here (Replace)
-- ARGV[9]         number of fields to set, n
-- ARGV[10..9+2n]  name and text of each
-- ARGV[10+2n..]   names of the fields to remove
-- Result: 1.
local replace, n = ARGV[8] == '1', tonumber(ARGV[9])
local last = 9 + 2 * n

local held = prepare_index and prepare_index()
if held then return held end
increment_version()
if n == 0 then add_reserved() end
local added = 0
for i = 10, last, 1000 do
  added = added + redis.call('HSET', KEYS[1], unpack(ARGV, i, math.min(i + 999, last)))
end

if replace then
  local keep = {}
  if versioned then keep[ARGV[5]] = true end
  if n == 0 then keep['_'] = true end
  for i = 10, last, 2 do keep[ARGV[i]] = true end
  for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do
    if not keep[name] then redis.call('HDEL', KEYS[1], name) end
  end
else
  for i = last + 1, last_argument do redis.call('HDEL', KEYS[1], ARGV[i]) end
end
if n == 0 or added > 0 then remove_reserved() end
renew()
if write_index then write_index() end
return 1
