-- The end of the scripts that add entries: sets the lifetime, and wakes the
-- followers with the id of the last entry. The user may lack the permission for
-- that.
local lifetime = ARGV[1]
if lifetime == '' and not last then lifetime = ARGV[3] end
if lifetime == '0' then
  redis.call('PERSIST', KEYS[1])
elseif lifetime ~= '' then
  redis.call('PEXPIRE', KEYS[1], lifetime)
end
if ARGV[4] == '1' then
  redis.pcall('SPUBLISH', ARGV[5], id)
else
  redis.pcall('PUBLISH', ARGV[5], id)
end
return id
