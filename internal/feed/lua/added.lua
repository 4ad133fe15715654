-- The end of the scripts that add entries: sets the lifetime, and wakes the
-- followers with the result. The user may lack the permission for that.
local lifetime = ARGV[1]
if lifetime == '' and began then lifetime = ARGV[3] end
if lifetime == '0' then
  redis.call('PERSIST', KEYS[1])
elseif lifetime ~= '' then
  redis.call('PEXPIRE', KEYS[1], lifetime)
end
if ARGV[4] == '1' then
  redis.pcall('SPUBLISH', ARGV[5], result)
else
  redis.pcall('PUBLISH', ARGV[5], result)
end
return result
