/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/mpsc.h"

struct ebb_msg base_mpsc_closed;
