package listrepo

import (
	"context"
	_ "embed"
	"strconv"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/acl"
	"github.com/symphony-go/symphony/internal/duration"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/store"
)

var (
	//go:embed lua/trim_dead.lua
	trimDeadSource string

	trimDeadScript = rueidis.NewLuaScript(acl.RegisterScript(trimDeadSource))
	trimDeadReply  = store.Tuple(store.Count, store.Flag, store.Text)
)

// trimDead removes the dead letters of a queue beyond DeadLimit and DeadFor,
// after one was made, and counts and logs them. The call that made it has
// succeeded, so a failure is logged, too; the next dead letter repeats what is
// left.
func (q *queue) trimDead(ctx context.Context, t fault.Target) {
	if q.DeadLimit == 0 && q.DeadFor == 0 {
		return
	}
	log := q.Logger()
	if q.Settings.Logger != nil {
		log = q.Settings.Logger
	}
	removed, err := q.removeOldest(context.WithoutCancel(ctx), t)
	if err != nil {
		log.Warn("listrepo: dead letters beyond DeadLimit or DeadFor could not be removed; the next dead letter of the queue repeats it", "key", t.Key, "error", err)
	}
	if removed > 0 {
		q.NoteDeadRemoved(removed)
		log.Warn("listrepo: dead letters were removed, because of DeadLimit or DeadFor",
			"key", t.Key, "removed", removed, "limit", q.DeadLimit, "age", q.DeadFor)
	}
}

// removeOldest runs the script until no more dead letters are beyond DeadLimit
// and DeadFor. It returns how many it removed, also with an error.
func (q *queue) removeOldest(ctx context.Context, t fault.Target) (removed int64, err error) {
	keys := []string{beside(t, queuekey.Dead), beside(t, queuekey.Died)}
	for more, cursor := int64(1), "0"; more == 1; {
		m, err := trimDeadScript.Exec(t.In(ctx), q.Client, keys, []string{strconv.Itoa(q.DeadLimit), duration.Milliseconds(q.DeadFor), cursor}).ToMessage()
		if err != nil {
			return removed, q.nameWrongType(ctx, t, t.Failed(err))
		}
		if err := trimDeadReply.Check(t, m); err != nil {
			return removed, err
		}
		parts, err := m.ToArray()
		if err != nil {
			return removed, t.Applied(err)
		}
		n, _ := parts[0].ToInt64()
		more, _ = parts[1].ToInt64()
		cursor, _ = parts[2].ToString()
		removed += n
	}
	return removed, nil
}
