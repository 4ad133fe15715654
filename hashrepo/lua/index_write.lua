-- Keeps the list and the indexes in a script that writes a record. It follows
-- preamble.lua, version.lua and index.lua. The body calls prepare_index before
-- its first write, and write_index after it renewed the lifetime.
--
-- KEYS[2]  the list of the space
-- KEYS[3]  the spaces of the group
-- The arguments follow those of the body:
--   what precedes and what follows the id in the key
--   '1' to look at ids whose time has come, else ''
--   for each index whose field the write may change three arguments: its name;
--   the names of its field, each with its length, if it is unique, else ''; and
--   the body of the item: '' if the field is absent, '+' and the name of the
--   field for the number that the write stores
--   the number of these arguments
-- Result, if prepare_index refuses the write: the status HELD, with the name of
-- the index and the id of the record that has the value.
local index_at = #ARGV - tonumber(ARGV[#ARGV], 10)
last_argument = index_at - 1
spaces_key = KEYS[3]
enter_space(KEYS[2], ARGV[index_at], ARGV[index_at + 1])

local id = string.sub(KEYS[1], #prefix + 1, #KEYS[1] - #suffix)
local remembered         -- of the id before the write
local remembered_after   -- of the id after the write, '' for nothing
local items, bodies = {}, {} -- before and after the write, by name

-- Computes the items after the write. number_body returns the body for the
-- number that a field will have; only updates need it.
prepare_index = function(number_body)
  remembered = redis.call('HGET', entries_key, id)
  local last, written = #ARGV - 3, {}
  for i = index_at + 3, last, 3 do
    local name, body = ARGV[i], ARGV[i + 2]
    if string.sub(body, 1, 1) == '+' then body = number_body(name, string.sub(body, 2)) end
    bodies[name] = body
    if body ~= '' then written[#written + 1] = with_length(with_length(name) .. body) end
  end
  remembered_after = table.concat(written)
  if remembered_after == (remembered or '') then return end

  local names
  items, names = items_of(id, remembered)
  local kept = false
  for _, name in ipairs(names) do
    if not bodies[name] then
      if existed == nil then existed = redis.call('EXISTS', KEYS[1]) == 1 end
      kept, bodies[name] = kept or existed, existed and items[name] or ''
    end
  end
  for i = index_at + 3, last, 3 do
    local name, fields = ARGV[i], ARGV[i + 1]
    local body = bodies[name]
    if fields ~= '' and body ~= '' and body ~= items[name] then
      local holder = holder_of(id, name, body, fields)
      if holder then
        holder = string.gsub(holder, '[%c%%]', function(c) return string.format('%%%02X', string.byte(c)) end)
        return redis.status_reply('HELD ' .. name .. ' ' .. holder)
      end
    end
    if not items[name] then names[#names + 1] = name end
  end
  if kept then remembered_after = format_items(bodies, names) end
end

-- Looks at the record at a time, or before it.
local function look_no_later(time)
  if redis.call('ZADD', checks_key, 'LT', 'CH', time, id) == 1 then
    redis.call('ZADD', spaces_key, 'LT', time, space_reference())
  end
end

-- Looks at ids whose time has come, in this space and in another one of the
-- group. The write succeeded whether this does or not.
local function look_at_some()
  if ARGV[index_at + 2] ~= '1' then return end
  pcall(look_at_due, 16)
  pcall(look_at_group, 100)
end

-- Writes the items, lists the id, and looks at a few ids whose time has come.
write_index = function()
  if remembered_after ~= (remembered or '') then
    local moved = false
    for name, new in pairs(bodies) do
      local old = items[name] or ''
      if new ~= old then
        replace_members(name, id, old, new)
        moved = moved or old ~= '' and new ~= ''
      end
    end
    if remembered_after ~= '' then
      redis.call('HSET', entries_key, id, remembered_after)
    else
      redis.call('HDEL', entries_key, id)
    end
    if moved and redis.call('EXISTS', moved_key) == 1 then redis.call('ZADD', moved_key, now(), id) end
  end
  if not remembered then redis.call('ZADD', ids_key, 0, id) end
  look_no_later(next_look(KEYS[1]))
  look_at_some()
end

-- Deletes the items of the id, whose record was deleted.
delete_index = function()
  drop(id)
  look_at_some()
end

-- Looks at the record in time, after its lifetime was renewed, if it is listed.
renew_look = function()
  local time = next_look(KEYS[1])
  if redis.call('ZADD', checks_key, 'XX', 'LT', 'CH', time, id) == 1 then
    redis.call('ZADD', spaces_key, 'LT', time, space_reference())
  end
  look_at_some()
end
