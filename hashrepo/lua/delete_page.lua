-- Deletes a page of the records of a list. Run by HashRepo.DeleteAll.
--
-- KEYS[1]  the list of the space
-- KEYS[2]  the spaces of the group
-- ARGV[5]  what precedes the id in the keys of records
-- ARGV[6]  what follows it
-- ARGV[7]  the id after which the page begins, '' for the first page
-- ARGV[8]  the number of ids of a page
-- Result: the id after which the next page begins, '' if there is none, and the
-- ids of the records that were deleted.
spaces_key = KEYS[2]
enter_space(KEYS[1], ARGV[5], ARGV[6])
now() -- before the first write: the user may have no permission for TIME

local page = page_of_ids(ARGV[7], ARGV[8])
local reply = { page.next }
for _, id in ipairs(page) do
  if not look(id) then
    redis.call('UNLINK', record_key(id))
    drop(id)
    reply[#reply + 1] = id
  end
end
return reply
