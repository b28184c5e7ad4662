package assert

import "fmt"

// aggregates replace the expression machine's functions of the same name,
// which skip a missing value, or call the mean of nothing zero.
var aggregates = []struct {
	name string
	fold func([]float64) float64
}{
	{"max", func(vs []float64) float64 {
		most := vs[0]
		for _, v := range vs {
			most = max(most, v)
		}
		return most
	}},
	{"mean", func(vs []float64) float64 {
		var sum float64
		for _, v := range vs {
			sum += v
		}
		return sum / float64(len(vs))
	}},
	{"min", func(vs []float64) float64 {
		least := vs[0]
		for _, v := range vs {
			least = min(least, v)
		}
		return least
	}},
}

// aggregate folds numbers and lists of numbers. What is made of nothing, or of
// anything missing, is missing.
func aggregate(fold func([]float64) float64, args []any) (any, error) {
	values, err := flatten(nil, args)
	if err != nil {
		return nil, err
	}
	if len(values) == 0 {
		return missing(), nil
	}
	for _, v := range values {
		if isMissing(v) {
			return missing(), nil
		}
	}
	return fold(values), nil
}

func flatten(dst []float64, args []any) ([]float64, error) {
	for _, a := range args {
		switch a := a.(type) {
		case int:
			dst = append(dst, float64(a))
		case float64:
			dst = append(dst, a)
		case []any:
			var err error
			if dst, err = flatten(dst, a); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("min, max and mean take numbers and lists of numbers, not %T", a)
		}
	}
	return dst, nil
}
