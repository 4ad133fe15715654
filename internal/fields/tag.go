package fields

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// mentionsRedis matches a tag in which somebody meant the key redis.
var mentionsRedis = regexp.MustCompile(`(?i)\bredis["']?\s*:`)

// checkTag returns an error if the redis tag of a field cannot be read. Package
// reflect ignores such a tag, and the field would have another name.
func checkTag(tag reflect.StructTag) error {
	keys, rest := tagKeys(string(tag))
	if mentionsRedis.MatchString(rest) {
		return fmt.Errorf("the tag %s cannot be read; write it as `redis:\"name,option\"`, "+
			"with double quotes, no space after the colon, and spaces between several keys", strings.TrimSpace(rest))
	}
	seen := false
	for _, key := range keys {
		switch {
		case key == "redis" && seen:
			return fmt.Errorf("the tag %s has the key redis twice; join the two", tag)
		case key == "redis":
			seen = true
		case strings.EqualFold(strings.Trim(key, ",;"), "redis"):
			return fmt.Errorf("the tag %s has the key %s; write it as `redis:\"name,option\"`, in lower case, after a space", tag, key)
		}
	}
	return nil
}

// tagKeys returns the keys of a tag as package reflect reads it, and the rest
// of the tag, which it cannot read.
func tagKeys(tag string) (keys []string, rest string) {
	for {
		tag = strings.TrimLeft(tag, " ")
		i := strings.IndexFunc(tag, func(c rune) bool { return c <= ' ' || c == ':' || c == '"' || c == 0x7f })
		if i <= 0 || !strings.HasPrefix(tag[i:], `:"`) {
			return keys, tag
		}
		value, err := strconv.QuotedPrefix(tag[i+1:])
		if err != nil {
			return keys, tag
		}
		keys = append(keys, tag[:i])
		tag = tag[i+1+len(value):]
	}
}
