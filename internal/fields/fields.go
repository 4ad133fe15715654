// Package fields lists the stored fields of a struct type: under which name each one is stored, and how to reach it.
//
// A field's name is that of its redis tag, else that of its json tag, else its Go name. A tag of "-" leaves the field
// out; a json tag counts only where the redis tag names nothing. Embedded structs are flattened, through pointers too;
// one that has a name in its tag, or that writes itself as text (time.Time), is a field like any other.
package fields

import (
	"fmt"
	"reflect"
	"strings"
)

// Field is one stored field of a struct type.
type Field struct {
	// Name is the stored name.
	Name string
	// Index leads to the field, through embedded structs and pointers to them.
	Index []int
	// Type is the field's Go type.
	Type reflect.Type
	// OmitZero and OmitEmpty leave the field out where its value is zero, or empty as in encoding/json.
	OmitZero, OmitEmpty bool
	// Version and Extra are the options of the redis tag.
	Version, Extra bool
	// GoName is the field's path in Go, such as "Base.Name", for messages.
	GoName string
}

// Of lists the stored fields of struct type t in the order of their declaration. Two fields of one stored name, an
// unknown option and an embedded type that cannot be reached are errors that name the type and the field.
func Of(t reflect.Type) ([]Field, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%s is no struct", t)
	}
	l := lister{root: t, open: map[reflect.Type]bool{}, seen: map[string]string{}}
	if err := l.list(t, nil, ""); err != nil {
		return nil, err
	}
	return l.fields, nil
}

// Value returns the field in struct v, and false where an embedded pointer on the way is nil.
func (f *Field) Value(v reflect.Value) (reflect.Value, bool) {
	if len(f.Index) == 1 {
		return v.Field(f.Index[0]), true
	}
	for i, n := range f.Index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return reflect.Value{}, false
			}
			v = v.Elem()
		}
		v = v.Field(n)
	}
	return v, true
}

// Settable returns the field in struct v, which must be settable, and allocates the nil embedded pointers on the way.
func (f *Field) Settable(v reflect.Value) reflect.Value {
	if len(f.Index) == 1 {
		return v.Field(f.Index[0])
	}
	for i, n := range f.Index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(n)
	}
	return v
}

type lister struct {
	root   reflect.Type
	open   map[reflect.Type]bool
	seen   map[string]string
	fields []Field
}

func (l *lister) list(t reflect.Type, index []int, path string) error {
	if l.open[t] {
		return fmt.Errorf("%s.%s embeds %s within itself; give the embedded field a name in its tag", l.root, path, t)
	}
	l.open[t] = true
	defer delete(l.open, t)
	for i := range t.NumField() {
		sf := t.Field(i)
		f := Field{Index: append(index[:len(index):len(index)], i), Type: sf.Type, GoName: join(path, sf.Name)}
		skip, named, err := l.tag(&f, sf)
		if err != nil {
			return err
		}
		if skip {
			continue
		}
		if sf.Anonymous && !named {
			done, err := l.embedded(sf, f)
			if err != nil {
				return err
			}
			if done {
				continue
			}
		}
		if !sf.IsExported() {
			if sf.Anonymous && named && base(sf.Type).Kind() == reflect.Struct {
				return fmt.Errorf("%s.%s: an embedded type that is not exported cannot have a name of its own; "+
					"export it or take the name out of its tag", l.root, f.GoName)
			}
			continue
		}
		if err := l.add(f); err != nil {
			return err
		}
	}
	return nil
}

// embedded flattens the embedded field f; false says that it is a field like any other.
func (l *lister) embedded(sf reflect.StructField, f Field) (done bool, err error) {
	t := base(sf.Type)
	if t.Kind() != reflect.Struct || Leaf(t) && sf.IsExported() {
		return false, nil
	}
	if sf.Type.Kind() == reflect.Pointer && !sf.IsExported() {
		return false, fmt.Errorf("%s.%s: an embedded pointer to a type that is not exported cannot be filled; "+
			"export the type or embed it by value", l.root, f.GoName)
	}
	return true, l.list(t, f.Index, f.GoName)
}

func (l *lister) add(f Field) error {
	if !f.Extra {
		if other, ok := l.seen[f.Name]; ok {
			return fmt.Errorf("%s: fields %s and %s are both stored as %q; give one of them another name with `redis:\"name\"`, "+
				"or leave it out with `redis:\"-\"`", l.root, other, f.GoName, f.Name)
		}
		l.seen[f.Name] = f.GoName
	}
	l.fields = append(l.fields, f)
	return nil
}

// tag reads the name and the options of a field; named says that a tag gave the name.
func (l *lister) tag(f *Field, sf reflect.StructField) (skip, named bool, err error) {
	redis, hasRedis := sf.Tag.Lookup("redis")
	json := sf.Tag.Get("json")
	if redis == "-" || !hasRedis && json == "-" {
		return true, false, nil
	}
	name, options, _ := strings.Cut(redis, ",")
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "":
		case "omitzero":
			f.OmitZero = true
		case "version":
			f.Version = true
		case "extra":
			f.Extra = true
		default:
			return false, false, fmt.Errorf("%s.%s: the redis tag has the unknown option %q; it knows omitzero, version and extra",
				l.root, f.GoName, option)
		}
	}
	if name == "" && json != "-" {
		name, options, _ = strings.Cut(json, ",")
		for option := range strings.SplitSeq(options, ",") {
			f.OmitEmpty = f.OmitEmpty || option == "omitempty"
			f.OmitZero = f.OmitZero || option == "omitzero"
		}
	}
	f.Name = name
	if name == "" {
		f.Name = sf.Name
	}
	return false, name != "", nil
}

func base(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
