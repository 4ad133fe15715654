-- Removes what no write leaves, but a key that was deleted by hand does: members
-- of an index that no item names, and items and times of looks without an id in
-- the list. Run by HashRepo.Reindex.
--
-- KEYS[1]  the list of the space
-- KEYS[2]  the spaces of the group
-- ARGV[5]  what precedes the id in the keys of records
-- ARGV[6]  what follows it
-- ARGV[7]  where the page begins, '' for the first page
-- ARGV[8]  the number of members of a page
-- ARGV[9]  what to look at: the name of an index, 'entries' or 'checks'
-- Result: where the next page begins, '' if there is none, and the number of
-- members and ids that were removed.
spaces_key = KEYS[2]
enter_space(KEYS[1], ARGV[5], ARGV[6])
now() -- before the first write: the user may have no permission for TIME
local from, limit, subject = ARGV[7], ARGV[8], ARGV[9]
local removed, next_page = 0, ''

-- Drops an id that is not in the list, or adds it if its record exists.
local function list_or_drop(id)
  if redis.call('ZSCORE', ids_key, id) then return end
  if look(id) then
    removed = removed + 1
  else
    redis.call('ZADD', ids_key, 0, id)
  end
end

-- Reports whether an item of the id has the sort text.
local function has_item(id, sort)
  local body = items_of(id)[subject]
  local _, sorts = parse_body(body or '')
  for _, other in ipairs(sorts) do
    if other == sort then return true end
  end
  return false
end

if subject == 'entries' or subject == 'checks' then
  local cursor, reply = from == '' and '0' or from, nil
  if subject == 'entries' then
    reply = redis.call('HSCAN', entries_key, cursor, 'COUNT', limit)
  else
    reply = redis.call('ZSCAN', checks_key, cursor, 'COUNT', limit)
  end
  for i = 1, #reply[2], 2 do list_or_drop(reply[2][i]) end
  if reply[1] ~= '0' then next_page = reply[1] end
else
  local key = index_key(subject)
  local members = redis.call('ZRANGEBYLEX', key, from == '' and '-' or '(' .. from, '+', 'LIMIT', 0, limit)
  for _, member in ipairs(members) do
    local nul = string.find(member, '\0', 1, true)
    if not nul or not has_item(string.sub(member, nul + 1), string.sub(member, 1, nul - 1)) then
      redis.call('ZREM', key, member)
      removed = removed + 1
    end
  end
  if #members == tonumber(limit, 10) then next_page = members[#members] end
end
register_space()
return { next_page, tostring(removed) }
