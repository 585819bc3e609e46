#include "rest_backend/api/deletion.h"
