package hashrepo

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/symphony-go/symphony/internal/fields"
)

// selected finds the stored name of the field whose address selector gives. It
// panics where there is none, with what is wrong and how to mend it.
func selected[T, V any](function string, selector func(*T) *V) string {
	record := reflect.New(reflect.TypeFor[T]())
	name, problem := find(record.Elem(), reflect.TypeFor[V](), func() (p reflect.Value, err error) {
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("the selector panics: %v; it must do nothing but return the address of a field", r)
			}
		}()
		return reflect.ValueOf(selector(record.Interface().(*T))), nil
	})
	if selector == nil {
		problem = "the selector is nil"
	}
	if problem == "" {
		return name
	}
	panic(fmt.Sprintf("hashrepo.%s on %v: %s. It wants a selector such as func(r *%[2]v) *%[4]v { return &r.Field }",
		function, reflect.TypeFor[T](), problem, reflect.TypeFor[V]()))
}

// find looks for the field of record that has the type and the address.
func find(record reflect.Value, typ reflect.Type, address func() (reflect.Value, error)) (name, problem string) {
	if record.Kind() != reflect.Struct {
		return "", "it is no struct, and has no fields to point at; use At with a field's name"
	}
	all, err := fields.Of(record.Type())
	if err != nil {
		return "", err.Error()
	}
	places := make([]uintptr, len(all))
	for i := range all {
		places[i] = all[i].Settable(record).Addr().Pointer()
	}
	at, err := address()
	switch {
	case err != nil:
		return "", err.Error()
	case at.IsNil():
		return "", "the selector gives nil"
	}
	var matches []string
	for i, f := range all {
		if places[i] == at.Pointer() && f.Type == typ {
			matches = append(matches, f.Name)
			problem = extraProblem(f)
		}
	}
	if len(matches) == 1 {
		return matches[0], problem
	}
	if len(matches) > 1 {
		return "", fmt.Sprintf("the fields %s have one address, since they have no size; use At with a field's name", strings.Join(matches, ", "))
	}
	return "", fmt.Sprintf("the selector gives no stored field of type %v; a field that is left out by its tag, not exported, or inside another field, has no place of its own in Redis", typ)
}

func extraProblem(f fields.Field) string {
	if f.Extra {
		return f.GoName + " is the extra field, which stands for many; use At with a field's name"
	}
	return ""
}
