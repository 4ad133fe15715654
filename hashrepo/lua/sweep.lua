-- Looks at a page of the list: removes the ids of records that are gone, and
-- items that do not stand for the record as it is. Run by HashRepo.Sweep and
-- Reindex.
--
-- KEYS[1]   the list of the space
-- KEYS[2]   the spaces of the group
-- ARGV[5]   what precedes the id in the keys of records
-- ARGV[6]   what follows it
-- ARGV[7]   the id after which the page begins, '' for the first page
-- ARGV[8]   the number of ids of a page
-- ARGV[9..] for each index its name, and the names of its field, each with its
--           length
-- Result: the id after which the next page begins, '' if there is none, and the
-- number of ids and items that were removed.
spaces_key = KEYS[2]
enter_space(KEYS[1], ARGV[5], ARGV[6])
now() -- before the first write: the user may have no permission for TIME

-- Removes the stale items of an id. Returns how many there were.
local function remove_stale_items(id)
  local items, names = items_of(id)
  local stale = 0
  for i = 9, #ARGV, 2 do
    local name = ARGV[i]
    local body = items[name]
    if body and parse_body(body) ~= text_of(id, ARGV[i + 1]) then
      replace_members(name, id, body, '')
      items[name], stale = nil, stale + 1
    end
  end
  if stale > 0 then remember(id, items, names) end
  return stale
end

local page = page_of_ids(ARGV[7], ARGV[8])
local removed = 0
for _, id in ipairs(page) do
  removed = removed + (look(id) and 1 or remove_stale_items(id))
end
register_space()
return { page.next, tostring(removed) }
