-- Keeps the list and the indexes in a script that writes a record. It follows
-- preamble.lua, version.lua and index.lua. The body calls prepare_index before
-- its first write, and write_index after it renewed the lifetime.
--
-- KEYS[2]  the list of the space
-- KEYS[3]  the spaces of the group
-- The arguments follow those of the body:
--   what precedes and what follows the id in the key
--   '1' to look at another space of the group, else ''
--   for each index of the record type four arguments: its name; the names of
--   its field, each with its length; '1' if it is unique, else ''; and the body
--   of the item: '' if the field is absent, '-' if the write does not change it,
--   '+' to make it of the number that the write stores
--   the number of these arguments
-- Result, if prepare_index refuses the write: the status HELD, with the number
-- of the index and the id of the record that has the value.
local index_at = #ARGV - tonumber(ARGV[#ARGV], 10)
last_argument = index_at - 1
spaces_key = KEYS[3]
enter_space(KEYS[2], ARGV[index_at], ARGV[index_at + 1])

local id = string.sub(KEYS[1], #prefix + 1, #KEYS[1] - #suffix)
local items, names, remembered -- of the id, before the write
local bodies = {}              -- of the items after the write, by name

-- Returns the id of another record that has a sort text of the body, or nothing.
-- Stale items of other records are removed.
local function holder_of(name, body, fields)
  local _, sorts = parse_body(body)
  for _, sort in ipairs(sorts) do
    local members
    repeat
      members = redis.call('ZRANGEBYLEX', index_key(name), '[' .. sort .. '\0', '(' .. sort .. '\1', 'LIMIT', 0, 10)
      for _, member in ipairs(members) do
        local other = string.sub(member, #sort + 2)
        if other ~= id then
          if is_fresh(name, other, fields) then return other end
          remove_stale(name, member, other)
        end
      end
    until #members < 10
  end
end

-- Computes the items after the write. number_body returns the body for the
-- number that a field will have; only updates need it.
prepare_index = function(number_body)
  items, names, remembered = items_of(id)
  for i = index_at + 3, #ARGV - 1, 4 do
    local name, fields, body = ARGV[i], ARGV[i + 1], ARGV[i + 3]
    if body == '+' then body = number_body(name, (take(fields, 1))) end
    if body == '-' then
      if existed == nil then existed = redis.call('EXISTS', KEYS[1]) == 1 end
    else
      if not items[name] then names[#names + 1] = name end
      bodies[name] = body
      if ARGV[i + 2] == '1' and body ~= '' and body ~= items[name] then
        local holder = holder_of(name, body, fields)
        if holder then
          holder = string.gsub(holder, '[%c%%]', function(c) return string.format('%%%02X', string.byte(c)) end)
          return redis.status_reply('HELD ' .. (i - index_at + 1) / 4 .. ' ' .. holder)
        end
      end
    end
  end
  if existed == false then
    for _, name in ipairs(names) do bodies[name] = bodies[name] or '' end
  end
end

-- Looks at the record at a time, or before it.
local function look_no_later(time)
  if redis.call('ZADD', checks_key, 'LT', 'CH', time, id) == 1 then
    redis.call('ZADD', spaces_key, 'LT', time, space_reference())
  end
end

-- Looks at a few ids whose time has come. The write succeeded whether this does
-- or not.
local function look_at_some()
  pcall(look_at_due, 2)
  if ARGV[index_at + 2] == '1' then pcall(look_at_group, 10) end
end

-- Writes the items, lists the id, and looks at a few ids whose time has come.
write_index = function()
  local changed, moved = false, false
  for _, name in ipairs(names) do
    local old, new = items[name] or '', bodies[name]
    if new and new ~= old then
      replace_members(name, id, old, new)
      changed, moved = true, moved or old ~= '' and new ~= ''
      items[name] = new
    end
  end
  if changed then remember(id, items, names) end
  if moved and redis.call('EXISTS', moved_key) == 1 then redis.call('ZADD', moved_key, now(), id) end
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
  if redis.call('ZSCORE', checks_key, id) then look_no_later(next_look(KEYS[1])) end
  look_at_some()
end
