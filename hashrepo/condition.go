package hashrepo

import (
	"reflect"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/fault"
)

// Cond is a condition on one field of T: [Field.Eq] makes one.
type Cond[T any] struct{ named }

// named is a field's name and a value for it, not looked at yet.
type named struct {
	name  string
	value any
}

// condition is a Cond as the plan understands it: the stored text of the
// field, or its absence.
type condition struct {
	name    string
	text    string
	present bool // false: the field is absent, or holds text where there is one
}

func conditionsOf[T any](conds []Cond[T]) []named {
	all := make([]named, len(conds))
	for i, c := range conds {
		all[i] = c.named
	}
	return all
}

// conditions encodes what is compared. Its errors name the field.
func (c *core) conditions(op string, conds []named) ([]condition, error) {
	t := fault.Target{Op: op, Pool: c.Alias}
	all := make([]condition, len(conds))
	for i, cond := range conds {
		text, present, err := c.encodeField(cond.name, cond.value)
		if err != nil {
			return nil, refuse(t.WithField(cond.name), err)
		}
		all[i] = condition{cond.name, text, present}
	}
	return all, nil
}

// encodeField encodes a value for a field named as data. present is false for
// a value that is absent in Redis.
func (c *core) encodeField(name string, value any) (text string, present bool, err error) {
	f, err := c.plan.named(name)
	if err != nil {
		return "", false, err
	}
	if c.plan.elem != nil && open(f.Field.Type) {
		return c.encodeOpen(value)
	}
	v, err := convert(value, f.Field.Type)
	if err != nil {
		return "", false, err
	}
	if f.Nilable() && isNil(v) {
		return "", false, nil
	}
	present = !f.omitted(v) // one that is left out may stand there all the same, written by others
	if text, ok := f.Verbatim(v); ok {
		return text, present, nil
	}
	data, err := f.Append(nil, v)
	return string(data), present, err
}

// open reports whether a map's values take any type.
func open(t reflect.Type) bool {
	return t.Kind() == reflect.Interface || t == reflect.TypeFor[codec.Value]()
}

// encodeOpen encodes a value by its own type.
func (c *core) encodeOpen(value any) (text string, present bool, err error) {
	v := reflect.ValueOf(value)
	if !v.IsValid() {
		return "", false, nil
	}
	typ, err := c.plan.typeOf(v.Type())
	if err != nil {
		return "", false, err
	}
	if typ.Nilable() && isNil(v) {
		return "", false, nil
	}
	data, err := typ.Append(nil, v)
	return string(data), true, err
}

// hold compares what the fields of conds hold, each as a reply or none.
func hold(conds []condition, stored func(i int) (rueidis.RedisMessage, bool)) bool {
	for i, cond := range conds {
		reply, present := stored(i)
		if !present || reply.IsNil() {
			if cond.present {
				return false
			}
			continue
		}
		text, err := reply.ToString()
		if err != nil || text != cond.text || !cond.present && cond.text == "" {
			return false
		}
	}
	return true
}
