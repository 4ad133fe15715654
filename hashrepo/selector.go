package hashrepo

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/symphony-go/symphony/internal/fields"
)

// selectedName returns the stored name of the field whose address the selector
// returns. It panics if there is none. The message names the problem and the
// form of a selector.
func selectedName[T, V any](function string, selector func(*T) *V) string {
	value := reflect.New(reflect.TypeFor[T]())
	name, problem := selectedField(value.Elem(), reflect.TypeFor[V](), func() (address reflect.Value, err error) {
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("the selector panics: %v; it must only return the address of a field", r)
			}
		}()
		return reflect.ValueOf(selector(value.Interface().(*T))), nil
	})
	if selector == nil {
		problem = "the selector is nil; pass a function"
	}
	if problem == "" {
		return name
	}
	panic(fmt.Sprintf("hashrepo.%s for %v: %s. A selector has the form func(r *%[2]v) *%[4]v { return &r.Field }",
		function, reflect.TypeFor[T](), problem, reflect.TypeFor[V]()))
}

// selectedField returns the stored name of the field that has the type and the
// address, or the problem if there is none. It allocates the embedded pointers
// of value before it calls address.
func selectedField(value reflect.Value, typ reflect.Type, address func() (reflect.Value, error)) (name, problem string) {
	if value.Kind() != reflect.Struct {
		return "", "the type is not a struct and has no fields; use At with the name of a field"
	}
	all, err := fields.Of(value.Type())
	if err != nil {
		return "", err.Error()
	}
	addresses := make([]uintptr, len(all))
	for i := range all {
		addresses[i] = all[i].Settable(value).Addr().Pointer()
	}
	selected, err := address()
	switch {
	case err != nil:
		return "", err.Error()
	case selected.IsNil():
		return "", "the selector returns nil; return the address of a field"
	}
	var matches []string
	for i, f := range all {
		if addresses[i] == selected.Pointer() && f.Type == typ {
			matches = append(matches, f.Name)
			problem = extraProblem(f)
		}
	}
	if len(matches) == 1 {
		return matches[0], problem
	}
	if len(matches) > 1 {
		return "", fmt.Sprintf("the fields %s have the same address, since their size is zero; use At with the name of a field", strings.Join(matches, ", "))
	}
	return "", fmt.Sprintf("the selector returns no stored field of type %v; a field that is left out by its tag, not exported or inside another field is not stored as a field of the hash", typ)
}

// extraProblem returns the problem if f is an extra field.
func extraProblem(f fields.Field) string {
	if f.Extra {
		return f.GoName + " is the extra field, which holds several stored fields; use At with the name of one"
	}
	return ""
}
