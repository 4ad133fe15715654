package hashrepo

import (
	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
)

// Cond is a condition on one field of T, for [HashRepo.Find] and
// [HashRepo.FindOne]. [Field.Eq] returns a Cond.
type Cond[T any] struct{ fieldValue }

// fieldValue is the stored name of a field and a value for it. Neither has been
// checked.
type fieldValue struct {
	name  string
	value any
}

func fieldValuesOf[T any](conds []Cond[T]) []fieldValue {
	all := make([]fieldValue, len(conds))
	for i, c := range conds {
		all[i] = c.fieldValue
	}
	return all
}

// condition is a Cond with an encoded value. It holds if the stored field has
// the text. If a write of the value clears the field, it holds also if the
// field is absent.
type condition struct {
	name string
	was  []string // the old names of the field
	encodedField
}

// holds reports whether the condition holds for a stored field, which is absent
// if stored is false.
func (c *condition) holds(reply rueidis.RedisMessage, stored bool) bool {
	if !stored || reply.IsNil() {
		return !c.present()
	}
	text, err := reply.ToString()
	return err == nil && !c.isNil && text == c.text
}

// encodeConditions encodes the values of conditions. Its errors name the field.
func (c *core) encodeConditions(op string, conds []fieldValue) ([]condition, error) {
	t := fault.Target{Op: op, Pool: c.Alias}
	all := make([]condition, len(conds))
	for i, cond := range conds {
		encoded, err := c.encodeField(cond.name, cond.value)
		if err != nil {
			return nil, notApplied(t.WithField(cond.name), err)
		}
		all[i] = condition{cond.name, c.plan.oldNamesOf(cond.name), encoded}
	}
	return all, nil
}

// allHold reports whether every condition holds. stored returns the stored
// value of the field of conds[i], and false if there is none.
func allHold(conds []condition, stored func(i int) (rueidis.RedisMessage, bool)) bool {
	for i := range conds {
		if reply, ok := stored(i); !conds[i].holds(reply, ok) {
			return false
		}
	}
	return true
}
