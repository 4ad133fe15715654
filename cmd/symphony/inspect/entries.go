package inspect

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony"
)

// entry is an entry of a list or an index that a record should have.
type entry struct {
	record
	kind, member string // of the key, and in it
	space        space
}

// checkIndexed checks that records are in their list and in their indexes.
func (c *checker) checkIndexed(client rueidis.Client, records []record) error {
	var wanted []entry
	for _, r := range records {
		s, id, ok := c.spaceOf(r.key)
		if !ok {
			continue
		}
		complete, err := c.isComplete(client, r, s)
		if err != nil {
			return err
		}
		if complete {
			wanted = append(wanted, entriesOf(r, s, id)...)
		}
	}
	missing, err := c.missing(client, wanted)
	if err != nil || len(missing) == 0 {
		return err
	}
	// The record may have changed after it was read.
	for i, e := range missing {
		fields, err := client.Do(c.ctx, client.B().Hgetall().Key(e.key.Name).Build()).AsStrMap()
		if err != nil {
			return fmt.Errorf("HGETALL of %s: %w", e.key.Name, err)
		}
		e.fields = fields
		_, id, _ := c.spaceOf(e.key)
		still := slices.ContainsFunc(entriesOf(e.record, e.space, id), func(other entry) bool { return other.kind == e.kind && other.member == e.member })
		if len(fields) == 0 || !still {
			missing[i].kind = ""
		}
	}
	missing, err = c.missing(client, slices.DeleteFunc(missing, func(e entry) bool { return e.kind == "" }))
	if err != nil {
		return err
	}
	for _, e := range missing {
		what := "the list of ids (" + e.space.key(e.kind) + ")"
		if e.kind != "ids" {
			what = "the index " + e.space.key(e.kind)
		}
		if err := c.report("index", e.key, "the record is not in %s, so queries do not find it; another program wrote it, or somebody changed the index: run Reindex", what); err != nil {
			return err
		}
	}
	return nil
}

// entriesOf returns the entries that a record should have.
func entriesOf(r record, s space, id string) []entry {
	all := []entry{{r, "ids", id, s}}
	for name, texts := range r.schema.checker.IndexTexts(r.fields) {
		for _, text := range texts {
			all = append(all, entry{r, "index-" + name, text + "\x00" + id, s})
		}
	}
	return all
}

// missing returns those of the entries that are not in their keys.
func (c *checker) missing(client rueidis.Client, entries []entry) (missing []entry, err error) {
	cmds := make(rueidis.Commands, len(entries))
	for i, e := range entries {
		cmds[i] = client.B().Zscore().Key(e.space.key(e.kind)).Member(e.member).Build()
	}
	for i, reply := range client.DoMulti(c.ctx, cmds...) {
		switch err := reply.Error(); {
		case rueidis.IsRedisNil(err):
			missing = append(missing, entries[i])
		case err != nil:
			return nil, fmt.Errorf("ZSCORE of %s: %w", entries[i].space.key(entries[i].kind), err)
		}
	}
	return missing, nil
}

// isComplete reports whether Reindex has completed the list and the indexes of
// a space. If it has not, it reports that once.
func (c *checker) isComplete(client rueidis.Client, r record, s space) (bool, error) {
	if done, known := c.incomplete[s.name]; known {
		return !done, nil
	}
	fields := []string{s.tail()}
	for _, f := range r.schema.checker.Schema().Fields {
		if f.Index != "" {
			fields = append(fields, s.tail()+"\x00"+f.Index)
		}
	}
	values, err := client.Do(c.ctx, client.B().Hmget().Key(s.indexed).Field(fields...).Build()).ToArray()
	if err != nil {
		return false, fmt.Errorf("HMGET of %s: %w", s.indexed, err)
	}
	incomplete := slices.ContainsFunc(values, func(v rueidis.RedisMessage) bool { return v.IsNil() })
	if len(c.incomplete) >= maxSpaces {
		clear(c.incomplete)
	}
	c.incomplete[s.name] = incomplete
	if incomplete {
		return false, c.report("index", r.key, "the list or an index of the records %s is not complete, so queries walk the whole database; run Reindex once", spaceName(r.key))
	}
	return true, nil
}

// maxSpaces limits the memory for the spaces whose indexes are known. A space
// that is forgotten is asked for again.
const maxSpaces = 100_000

// entryPage is the COUNT of the scans of lists and indexes.
const entryPage = 500

// checkEntries checks that each entry of a list or an index stands for a
// record.
func (c *checker) checkEntries(k symphony.Key) error {
	client, err := c.pools.Client(k.Pool)
	if err != nil {
		return err
	}
	prefix, suffix, _ := strings.Cut(k.Record, "\x00")
	s := newSpace(c.pools.Prefix(k.Pool), prefix, suffix, false)
	for cursor := uint64(0); ; {
		reply := client.Do(c.ctx, client.B().Zscan().Key(k.Name).Cursor(cursor).Count(entryPage).Build())
		page, err := reply.AsScanEntry()
		if _, refused := rueidis.IsRedisErr(err); refused {
			return c.report("type", k, "the key of a list or an index has another Redis type; move it away with RENAME, or remove it, and run Reindex")
		}
		if err != nil {
			return fmt.Errorf("ZSCAN of %s: %w", k.Name, err)
		}
		var members []string
		for i := 0; i < len(page.Elements); i += 2 {
			members = append(members, page.Elements[i])
		}
		if err := c.checkMembers(client, k, s, members); err != nil {
			return err
		}
		if cursor = page.Cursor; cursor == 0 {
			return nil
		}
	}
}

// stale is an entry that stands for no record as it is.
type stale struct{ member, id, text string }

func (c *checker) checkMembers(client rueidis.Client, k symphony.Key, s space, members []string) error {
	found, err := c.staleMembers(client, k, s, members)
	if err != nil || len(found) == 0 {
		return err
	}
	// What was removed or written meanwhile is right now.
	again := make([]string, len(found))
	cmds := make(rueidis.Commands, len(found))
	for i, f := range found {
		again[i] = f.member
		cmds[i] = client.B().Zscore().Key(k.Name).Member(f.member).Build()
	}
	gone := map[string]bool{}
	for i, reply := range client.DoMulti(c.ctx, cmds...) {
		gone[again[i]] = rueidis.IsRedisNil(reply.Error())
	}
	found, err = c.staleMembers(client, k, s, slices.DeleteFunc(again, func(member string) bool { return gone[member] }))
	if err != nil {
		return err
	}
	for _, f := range found {
		at := k
		at.Name = s.prefix + f.id + s.suffix
		if err := c.report("index", at, "%s has an entry for the id %q, but %s", k.Name, f.id, f.text); err != nil {
			return err
		}
	}
	return nil
}

// staleMembers returns the members of a list or an index that stand for no
// record as it is.
func (c *checker) staleMembers(client rueidis.Client, k symphony.Key, s space, members []string) (found []stale, err error) {
	schema := c.schemaOf(k)
	name, isIndex := strings.CutPrefix(k.Beside, "index-")
	var cmds rueidis.Commands
	ids := make([]string, len(members))
	for i, member := range members {
		if ids[i] = member; isIndex {
			_, ids[i], _ = strings.Cut(member, "\x00")
		}
		key := s.prefix + ids[i] + s.suffix
		read := client.B().Exists().Key(key).Build()
		if isIndex && schema != nil {
			read = client.B().Hgetall().Key(key).Build()
		}
		cmds = append(cmds, read, client.B().Zscore().Key(s.key("checks")).Member(ids[i]).Build(), client.B().Zscore().Key(s.key("ids")).Member(ids[i]).Build())
	}
	replies := client.DoMulti(c.ctx, cmds...)
	for i, member := range members {
		look, list := replies[3*i+1], replies[3*i+2]
		exists, fields, err := readExistence(replies[3*i])
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", s.prefix+ids[i]+s.suffix, err)
		}
		listed := !rueidis.IsRedisNil(list.Error())
		text := ""
		switch {
		case !exists && isIndex && listed:
			// The list has the same id, which is checked with it.
		case !exists:
			text = lookText(look)
		case isIndex && !listed:
			text = "the id is not in the list of the space, because somebody changed a key of the index; run Reindex"
		case isIndex && schema != nil && fields != nil:
			sort, _, _ := strings.Cut(member, "\x00")
			if texts, known := schema.checker.IndexTexts(fields)[name]; known && !slices.Contains(texts, sort) {
				text = "the record has another value now, because another program changed it; a query removes the entry, and so does Reindex"
			}
		}
		if text != "" {
			found = append(found, stale{member, ids[i], text})
		}
	}
	return found, nil
}

// readExistence reads the reply of EXISTS or HGETALL.
func readExistence(reply rueidis.RedisResult) (exists bool, fields map[string]string, err error) {
	m, err := reply.ToMessage()
	if _, refused := rueidis.IsRedisErr(err); refused {
		return true, nil, nil // the key has another type, which is a problem of its own
	}
	if err != nil {
		return false, nil, err
	}
	if n, err := m.AsInt64(); err == nil {
		return n > 0, nil, nil
	}
	fields, err = m.AsStrMap()
	return len(fields) > 0, fields, err
}

// lookText says why there is no record for an entry. It is empty while the
// library is still about to look at the id, because its record has expired.
func lookText(look rueidis.RedisResult) string {
	text, _ := look.ToString()
	ms, err := strconv.ParseFloat(text, 64)
	switch late := time.Since(time.UnixMilli(int64(ms))); {
	case err != nil:
		return "there is no record, and the library will not look at the id; run Reindex"
	case late < 0:
		return "there is no record, because another program removed it; run Sweep or Reindex"
	case late > lateLook:
		return "the record expired " + late.Round(time.Hour).String() + " ago, and nobody has written or read the space since; run Sweep"
	}
	return ""
}

// lateLook is after how long an expired record should have left the indexes.
const lateLook = 24 * time.Hour
